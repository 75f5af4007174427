"""Stacked MNIST: three digits as the colours of one image, 1,000 modes that can be counted.

The set is that of Metz et al. 2017, arXiv:1611.02163, in the sizes of Lin et al. 2018, PacGAN,
arXiv:1712.04086 (their VEEGAN experiment): 128,000 images to train on, and 26,000 samples to count
modes in. Their code draws digits from all 70,000; here a split takes its digits from that split of
MNIST alone, so that the test images are held out. That leaves the modes equal up to the frequencies
of MNIST's digits, as there.
"""

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data import catalogue, stream
from jaxgan.data.source import Batch, Source, Spec, check_split, numbered

NAME = "stacked_mnist"
SIZES = {"train": 128_000, "test": 26_000}
CLASSES = tuple(f"{label:03}" for label in range(1000))
_KEY = 1611_02163  # of the random stream; any constant does


def describe(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Spec:
    """The spec of ``open_stacked``, from the metadata of the prepared MNIST alone."""
    check_split(f"dataset {NAME!r}", split, list(SIZES))
    if channels == 1:
        raise UserError(f"dataset {NAME!r} has a digit in each colour: data.channels cannot be 1")
    mnist = catalogue.describe("mnist", data_dir, split, image_size=image_size)
    H, W, _ = mnist.shape
    digest = f"triples {_KEY} of {mnist.digest}: {split}"
    return Spec((H, W, 3), len(CLASSES), SIZES[split], CLASSES, digest)


def open_stacked(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Source:
    """Triples of digits: uint8 [N, 28, 28, 3], with the label ``100 * red + 10 * green + blue``.

    Which three digits make an image is a pure function of the split and its index. Memory holds
    the digits, once, and no stacked image.

    Raises:
      UserError: MNIST is not prepared in ``data_dir`` or is damaged; no such split; or one
        channel is asked for.
    """
    spec = describe(data_dir, split, image_size=image_size, channels=channels)
    # All at once: a random triple would decode three records for each image, in every epoch.
    mnist = catalogue.open_catalogue("mnist", data_dir, split, image_size=image_size)
    digits = stream.whole(mnist)
    triples = _triples(split, mnist.size)

    def labels(indices: np.ndarray) -> np.ndarray:
        label = digits["label"][triples[indices]] @ np.array([100, 10, 1], np.int32)
        return label.astype(np.int32)

    def read(indices: np.ndarray) -> Batch:
        image = np.moveaxis(digits["image"][triples[indices]][..., 0], 1, -1)
        return {"image": np.ascontiguousarray(image), "label": labels(indices)}

    return Source(
        NAME,
        split,
        read=read,
        labels=labels,
        ids=lambda: numbered(list(SIZES).index(split), spec.size),
        **spec._asdict(),
    )


def _triples(split: str, count: int) -> np.ndarray:
    """The places in MNIST of the digits of each image: int32 [N, 3], each in [0, count)."""
    # Raw words, which NumPy keeps the same from version to version (see order._permutation).
    words = np.random.Philox(key=[_KEY, list(SIZES).index(split)]).random_raw(3 * SIZES[split])
    return (words % np.uint64(count)).astype(np.int32).reshape(-1, 3)
