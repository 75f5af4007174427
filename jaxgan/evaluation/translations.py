"""How near translations come to the true targets, beside two answers that know less.

The identity gives the image itself, the mean of the training split's targets looks at no image: a
translation that has learned something is nearer than either. Where images are reduced targets, the
identity is the image enlarged by the bicubic kernel, and PSNR and SSIM are measured too.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan import data
from jaxgan.data import bicubic
from jaxgan.evaluation.figures import Figures
from jaxgan.evaluation.metrics import fidelity
from jaxgan.extractors.extractor import Features, to_bytes

NAMES = ("l1", "l1_identity", "l1_mean")
OF_FEATURES = ("feature_distance", "feature_distance_identity", "feature_distance_mean")
# Of reduced images: the answer beside that of the mean, and what is measured of both that look.
BICUBIC = "_bicubic"
FIDELITY = ("psnr_y", "psnr_rgb", "ssim_y", "ssim_rgb")
VERSION = "1: mean over pixels in [-1, 1]; Euclidean distance of a pair's features"
FIDELITY_VERSION = "1: of bytes, without a border of the factor; Y of BT.601 in its studio range"
Look = Callable[[np.ndarray], Features]


class Pairs(NamedTuple):
    """Aligned pairs in [-1, 1] that a translation is measured on.

    Attributes:
      images: [n, H, W, C].
      targets: [n, H', W', C'].
      mean: of the training split's targets, [H', W', C'].
      factor: by which images are reduced targets; 0 where they are something else.
    """

    images: np.ndarray
    targets: np.ndarray
    mean: np.ndarray
    factor: int = 0


def names(factor: int, of_features: bool) -> list[str]:
    """Those of the figures of pairs whose images are reduced by ``factor``; 0: that are not."""
    found = [*NAMES, *(OF_FEATURES if of_features else ())]
    if not factor:
        return found
    found = [name.replace("_identity", BICUBIC) for name in found]
    return [*found, *FIDELITY, *(name + BICUBIC for name in FIDELITY)]


def read(source: data.Source, rows: np.ndarray, training: data.Source, factor: int = 0) -> Pairs:
    """The pairs of a split at ``rows``, of which the images are reduced by ``factor`` or not (0).

    Raises:
      ValueError: if its images and targets belong to no pairs.
    """
    if not source.target or source.targets:
        raise ValueError("the data have no pairs: what a translation should be is not known")
    batch = data.to_float(source.read(rows))
    total, chunk = np.zeros(source.target), 500
    for start in range(0, training.size, chunk):
        part = np.arange(start, min(start + chunk, training.size))
        total += np.asarray(data.to_float(training.read(part))["target"], np.float64).sum(axis=0)
    mean = (total / training.size).astype(np.float32)
    return Pairs(np.asarray(batch["image"]), np.asarray(batch["target"]), mean, factor)


def figures(
    made: np.ndarray, pairs: Pairs, look: Look | None, known: Look | None = None
) -> Figures:
    """How near what was ``made`` of the images comes to the true targets: means over pairs.

    Args:
      made: [n, H', W', C'].
      pairs: what it was made of, and what it should be.
      look: gives features, if any are to be compared.
      known: the same for all but what was made, which is met again; ``None``: ``look``.
    """
    made, n = np.clip(made, -1, 1), len(made)
    answers = {"": made, "_mean": pairs.mean[None]}
    if pairs.factor:
        answers[BICUBIC] = bicubic.resize(pairs.images, *pairs.targets.shape[1:3])
    elif pairs.images.shape == pairs.targets.shape:
        answers["_identity"] = pairs.images
    found = {
        f"l1{name}": float(np.abs(answer - pairs.targets).mean(dtype=np.float64))
        for name, answer in answers.items()
    }
    if pairs.factor:
        for name in ("", BICUBIC):
            near = fidelity_of(answers[name], pairs.targets, pairs.factor)
            found |= {f"{figure}{name}": value for figure, value in near.items()}
    if look is None:
        return found
    known = known or look
    true = known(to_bytes(pairs.targets)).features
    for name, answer in answers.items():
        features = (known if name else look)(to_bytes(answer)).features
        distance = np.linalg.norm(np.broadcast_to(features, (n, features.shape[1])) - true, axis=1)
        found[f"feature_distance{name}"] = float(distance.mean(dtype=np.float64))
    return found


def fidelity_of(made: np.ndarray, targets: np.ndarray, factor: int) -> Figures:
    """PSNR and SSIM of bytes, inside a border of ``factor`` pixels; grey is three equal colours.

    SSIM is left out where its window does not fit.
    """
    pair = [fidelity.without_border(to_bytes(images), factor) for images in (made, targets)]
    colours = [np.broadcast_to(images, (*images.shape[:-1], 3)) for images in pair]
    shown = {"y": [fidelity.luma(images) for images in colours], "rgb": colours}
    measures = {"psnr": fidelity.psnr, "ssim": fidelity.ssim}
    if min(pair[0].shape[1:3]) < fidelity.SIDE:
        del measures["ssim"]
    return {
        f"{figure}_{name}": float(measure(*both).mean())
        for figure, measure in measures.items()
        for name, both in shown.items()
    }
