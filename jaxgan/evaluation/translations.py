"""How near translations come to the true targets, beside two answers that know less.

The identity gives the image itself, the mean of the training split's targets looks at no image: a
translation that has learned something is nearer than either.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgan import data
from jaxgan.evaluation.figures import Figures
from jaxgan.extractors.extractor import Features, to_bytes

NAMES = ("l1", "l1_identity", "l1_mean")
OF_FEATURES = ("feature_distance", "feature_distance_identity", "feature_distance_mean")
VERSION = "1: mean over pixels in [-1, 1]; Euclidean distance of a pair's features"


class Pairs(NamedTuple):
    """Aligned pairs in [-1, 1] that a translation is measured on.

    Attributes:
      images: [n, H, W, C].
      targets: [n, H', W', C'].
      mean: of the training split's targets, [H', W', C'].
    """

    images: np.ndarray
    targets: np.ndarray
    mean: np.ndarray


def read(source: data.Source, rows: np.ndarray, training: data.Source) -> Pairs:
    """The pairs of a split at ``rows``.

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
    return Pairs(np.asarray(batch["image"]), np.asarray(batch["target"]), mean)


def figures(
    made: np.ndarray,
    pairs: Pairs,
    look: Callable[[np.ndarray], Features] | None,
) -> Figures:
    """Distances of what was ``made`` of the images to the true targets: means over pairs."""
    made = np.clip(made, -1, 1)
    answers: dict[str, Any] = {"": made, "_mean": np.broadcast_to(pairs.mean, made.shape)}
    if pairs.images.shape == pairs.targets.shape:
        answers["_identity"] = pairs.images
    found = {
        f"l1{name}": float(np.abs(answer - pairs.targets).mean(dtype=np.float64))
        for name, answer in answers.items()
    }
    if look is None:
        return found
    true = look(to_bytes(pairs.targets)).features
    for name, answer in answers.items():
        distance = np.linalg.norm(look(to_bytes(answer)).features - true, axis=1)
        found[f"feature_distance{name}"] = float(distance.mean(dtype=np.float64))
    return found
