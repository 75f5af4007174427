"""Nearest training neighbours: the real images that samples come closest to."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxgan import data
from jaxgan.base import errors
from jaxgan.extractors.extractor import to_bytes

CHUNK = 1000
Look = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """What is nearest to each of n samples.

    Attributes:
      images: in [-1, 1], float32 [n, k, H, W, C], the nearest first.
      rows: their places in the training split, int64 [n, k].
      distances: Euclidean, float64 [n, k]: of values in [-1, 1], or of features.
    """

    images: np.ndarray
    rows: np.ndarray
    distances: np.ndarray


def nearest_training(
    samples: np.ndarray, source: data.Source, k: int = 4, look: Look | None = None
) -> Neighbours:
    """The k images of a source that are nearest to samples, by pixels or features.

    Args:
      samples: [n, H, W, C] in [-1, 1], of ``gan.sample`` for one.
      source: what was trained on: ``data.Splits(gan.config.data).source()``.
      k: how many for each.
      look: from images uint8 [B, H, W, C] to features [B, D]; ``None``: values of pixels.

    Raises:
      UserError: if the samples are no images of the source's shape, or k is more than it has.
    """
    # Here: it takes a second to load.
    from sklearn.neighbors import NearestNeighbors

    samples = np.asarray(samples, np.float32)
    if samples.ndim != 4 or samples.shape[1:] != tuple(source.shape):
        due = ", ".join(map(str, source.shape))
        raise errors.UserError(f"samples must be images [n, {due}], not {list(samples.shape)}")
    if not 1 <= k <= source.size:
        raise errors.UserError(f"from 1 to {source.size} neighbours can be found, not {k}")

    def features(images: np.ndarray) -> np.ndarray:
        if look is not None:
            return np.asarray(look(to_bytes(np.clip(images, -1, 1))), np.float64)
        return images.reshape(len(images), -1)

    parts = np.array_split(np.arange(source.size), -(-source.size // CHUNK))
    seen = np.concatenate([features(_read(source, part)) for part in parts])
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(seen)
    _, rows = search.kneighbors(features(samples))
    found = _read(source, rows.reshape(-1)).reshape(*rows.shape, *source.shape)
    # Once more, of the pairs alone: the search is quick at the cost of digits.
    gaps = features(samples).astype(np.float64)[:, None] - seen[rows]
    return Neighbours(found, rows.astype(np.int64), np.sqrt(np.square(gaps).sum(axis=-1)))


def _read(source: data.Source, rows: np.ndarray) -> np.ndarray:
    """Rows of a source in [-1, 1]."""
    return np.asarray(data.to_float(source.read(rows))["image"])
