"""How far samples lie from each other: mean pairwise distances, and a variance for the step."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxgan.evaluation.metrics.neighbours import (
    CHUNK,
    FAR,
    Block,
    block_length,
    blocks,
    check,
    squared_distances,
)


def mean_pairwise_distance(
    features: ArrayLike | jax.Array,
    *,
    pairs: int | None = None,
    seed: int = 0,
    chunk: int = CHUNK,
) -> float:
    """The mean Euclidean distance between two different samples.

    Args:
      features: [n, D], finite, n at least 2.
      pairs: None for all n (n - 1) / 2 pairs, in tiles; or how many pairs to draw, with
        replacement, from those of different samples.
      seed: for the pairs drawn.
      chunk: samples, or drawn pairs, at a time.

    Raises:
      ValueError: if features are not [n >= 2, D] and finite, or pairs or chunk is below 1.
    """
    features = check("features", features, 2)
    n = len(features)
    length = block_length(chunk, n)
    if pairs is not None:
        return _mean_of_drawn(features, pairs, seed, chunk)
    parts = blocks(features, features.mean(axis=0, dtype=np.float64), length)
    total = 0.0
    for i, rows in enumerate(parts):
        for j in range(i, len(parts)):
            sums = np.asarray(_distance_sums(rows, parts[j], i == j), np.float64)
            # A tile off the diagonal stands for its mirror image too.
            total += sums.sum() * (1.0 if i == j else 2.0)
    return float(total / (n * (n - 1)))


def intra_class_distance(
    features: ArrayLike | jax.Array,
    labels: ArrayLike | jax.Array,
    *,
    pairs: int | None = None,
    seed: int = 0,
    chunk: int = CHUNK,
) -> float:
    """The mean pairwise distance within a class, averaged over classes of equal weight.

    As the intra-class LPIPS of class-conditional GANs, with distances of features. A class with
    fewer than two samples has no pair and is left out.

    Args:
      features: [n, D], finite.
      labels: integers [n].
      pairs: None for all pairs, or how many to draw in each class.
      seed: for the pairs drawn.
      chunk: as in ``mean_pairwise_distance``.

    Raises:
      ValueError: as ``mean_pairwise_distance``; if labels are not integers [n]; or if no class has
        two samples.
    """
    features, labels = check("features", features, 2), np.asarray(labels)
    if labels.shape != (len(features),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers [{len(features)}], got {labels.dtype} {labels.shape}"
        )
    classes, counts = np.unique(labels, return_counts=True)
    if counts.max() < 2:
        raise ValueError("labels have no class with two samples")
    found = [
        mean_pairwise_distance(features[labels == c], pairs=pairs, seed=seed, chunk=chunk)
        for c in classes[counts > 1]
    ]
    return float(np.mean(found))


def total_variance(features: jax.Array, *, axis_name: str | None = None) -> jax.Array:
    """The sum over dimensions of the unbiased variance, for use inside a training step.

    It equals the mean over pairs of different samples of half their *squared* distance, at the
    cost of one pass. Differentiable; falls to 0 as samples collapse to one.

    Args:
      features: [B, ...], all axes but the first taken together.
      axis_name: the mapped axis over which the batch is split, inside ``pmap`` or ``shard_map``.

    Returns:
      A float32 scalar.

    Raises:
      ValueError: if the whole batch has fewer than 2 samples.
    """
    devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    n = features.shape[0] * devices
    if n < 2:
        raise ValueError(f"features must hold at least 2 samples, got {n}")
    flat = features.reshape(features.shape[0], -1).astype(jnp.float32)
    mean = flat.mean(axis=0, keepdims=True)
    if axis_name is not None:
        mean = jax.lax.pmean(mean, axis_name)
    # Two passes: mean of squares less square of mean cancels where the samples have collapsed.
    scatter = jnp.square(flat - mean).sum()
    if axis_name is not None:
        scatter = jax.lax.psum(scatter, axis_name)
    return scatter / (n - 1)


@jax.jit
def _distance_sums(rows: Block, columns: Block, same: bool) -> jax.Array:
    """Sums of distances [C] over the columns, without padding and a row's distance to itself."""
    squared = squared_distances(rows, columns, same)
    return jnp.where(squared >= FAR, 0.0, jnp.sqrt(squared)).sum(axis=1)


def _mean_of_drawn(features: np.ndarray, pairs: int, seed: int, chunk: int) -> float:
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}")
    rng = np.random.default_rng(seed)
    n = len(features)
    first = rng.integers(n, size=pairs)
    # A shift by 1 to n - 1 places never meets the sample itself, and is uniform over the others.
    second = (first + rng.integers(1, n, size=pairs)) % n
    total = 0.0
    for start in range(0, pairs, chunk):
        part = slice(start, start + chunk)
        gap = features[first[part]].astype(np.float64) - features[second[part]]
        total += np.sqrt((gap**2).sum(axis=1)).sum()
    return float(total / pairs)
