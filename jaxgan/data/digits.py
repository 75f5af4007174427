"""The 1,797 handwritten digits that scikit-learn carries: real images, without a download.

And the same paired with their outlines, for methods that make an image of an image.
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np

from jaxgan.data import images
from jaxgan.data.source import Source, Spec, check_split, in_memory

_TOTAL = 1797
_EVERY = 6  # every sixth image is a test image: 299 of them, about 30 of each digit
SPLITS = ("train", "test")
CLASSES = tuple("0123456789")


def describe(split: str, *, image_size: int = 0, channels: int = 0) -> Spec:
    """The spec of ``open_digits``, without loading it."""
    check_split("dataset 'digits'", split, SPLITS)
    test = _TOTAL // _EVERY
    size = test if split == "test" else _TOTAL - test
    shape = images.fitted((8, 8, 1), image_size, channels)
    digest = f"scikit-learn's digits, every {_EVERY}th for the test: {split}"
    return Spec(shape, len(CLASSES), size, CLASSES, digest)


def open_digits(split: str, *, image_size: int = 0, channels: int = 0) -> Source:
    """The digits: float32 [N, 8, 8, 1] in [-1, 1] (their 17 grey levels, exactly), 10 classes.

    Images 5, 11, 17, ... of scikit-learn's order are the test split, the others train. float32, not
    uint8, because the levels 0..16 do not fall on whole steps of 1/255.
    """
    spec, (data, labels) = describe(split), _stored()
    is_test = np.arange(_TOTAL) % _EVERY == _EVERY - 1
    chosen = is_test if split == "test" else ~is_test
    pixels = (data[chosen] / 8.0 - 1.0).astype(np.float32).reshape(-1, 8, 8, 1)
    pixels = np.stack([images.fit(image, image_size, channels) for image in pixels])
    return in_memory(
        "digits",
        split,
        pixels,
        labels[chosen],
        spec.num_classes,
        classes=spec.classes,
        digest=spec.digest,
        ids=lambda: np.flatnonzero(chosen),
    )


@functools.cache
def _stored() -> tuple[np.ndarray, np.ndarray]:
    """Grey levels 0 to 16 [1797, 64], and labels [1797], of scikit-learn's file.

    Without the library, whose import takes a fifth of a small run's start.
    """
    found = importlib.util.find_spec("sklearn")
    assert found is not None
    assert found.origin is not None
    rows = np.loadtxt(Path(found.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(np.int64)


def describe_edges(split: str, *, image_size: int = 0, channels: int = 0) -> Spec:
    """The spec of ``open_edges``, without loading it."""
    spec = describe(split, image_size=image_size, channels=channels)
    return spec._replace(digest=f"outlines of {spec.digest}", target=spec.shape)


def open_edges(split: str, *, image_size: int = 0, channels: int = 0) -> Source:
    """Pairs of float32 [N, 8, 8, 1] in [-1, 1]: the outlines of digits, and the digits, as targets.

    The outline is the morphological gradient: the brightest of the nine pixels around one, less the
    darkest. Splits, classes and order are those of the digits.
    """
    source = open_digits(split)
    rows = source.read(np.arange(source.size))
    targets = rows["image"]
    around = np.pad(targets, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2))
    outlines = windows.max(axis=(-2, -1)) - windows.min(axis=(-2, -1)) - 1.0
    sides = (
        np.stack([images.fit(image, image_size, channels) for image in side])
        for side in (outlines.astype(np.float32), targets)
    )
    outlines, targets = sides
    spec = describe_edges(split, image_size=image_size, channels=channels)
    known = {"classes": spec.classes, "digest": spec.digest, "ids": source.ids}
    return in_memory(
        "digit_edges",
        split,
        outlines,
        rows["label"],
        spec.num_classes,
        targets=targets,
        **known,
    )
