"""The Fréchet distance between Gaussians fitted to two sets of features, and their moments.

Everything is float64 on the host: the distance is a small difference of large traces.
"""

from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Moments:
    """The first two moments of features, in a form that merges exactly.

    Attributes:
      n: the number of samples.
      mean: float64 [D].
      scatter: float64 [D, D], the sum of (x - mean)(x - mean)^T: not divided by n.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray


def moments(features: ArrayLike | jax.Array, *, chunk: int = 4096) -> Moments:
    """The moments of features, of which only a chunk at a time is copied to float64.

    Args:
      features: [n, D], finite; n may be 0, as a process without a share of the data has.
      chunk: rows at a time, at least 1. The result depends on it by rounding only.

    Raises:
      ValueError: if features are not of two axes or not finite, or chunk is below 1.
    """
    features = np.asarray(features)
    if features.ndim != 2:
        raise ValueError(f"features must be [n, D], got shape {features.shape}")
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    dim = features.shape[1]
    total = Moments(0, np.zeros(dim), np.zeros((dim, dim)))
    for start in range(0, len(features), chunk):
        rows = features[start : start + chunk].astype(np.float64)
        if not np.isfinite(rows).all():
            raise ValueError(f"features are not finite in rows {start} to {start + len(rows) - 1}")
        mean = rows.mean(axis=0)
        rows -= mean
        total = merge(total, Moments(len(rows), mean, rows.T @ rows))
    return total


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of both sets together; either may be empty.

    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1 in its
    form for vectors: the scatter of the two means is added, weighted by n_a n_b / (n_a + n_b).

    Raises:
      ValueError: if the dimensions differ.
    """
    _check_dimensions(a, b)
    n = a.n + b.n
    if n == 0:
        return a
    gap = b.mean - a.mean
    mean = a.mean + gap * (b.n / n)
    between = np.outer(gap, gap) * (a.n * b.n / n)
    return Moments(n, mean, a.scatter + b.scatter + between)


def covariance(a: Moments) -> np.ndarray:
    """The unbiased covariance, float64 [D, D]: ``scatter / (n - 1)``.

    Raises:
      ValueError: if n is below 2.
    """
    if a.n < 2:
        raise ValueError(f"n must be at least 2 for a covariance, got {a.n}")
    return a.scatter / (a.n - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared Fréchet distance ``|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))``.

    Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", eq. 6. The product S_a S_b
    is not symmetric, and its root is unstable where a covariance is singular; its trace is that of
    the root of the symmetric ``R S_b R`` with ``R = S_a^(1/2)``, found by ``eigh``. Eigenvalues
    that rounding made negative count as zero, and no constant is added to a diagonal. The error
    is about 1e-8 of the largest eigenvalue for each dimension that carries no variance.

    Returns:
      The distance, 0 or more.

    Raises:
      ValueError: if the dimensions differ or a set has fewer than 2 samples.
    """
    _check_dimensions(a, b)
    first, second = covariance(a), covariance(b)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    inner = root @ second @ root
    # eigh reads one triangle only, and rounding makes the two differ.
    cross = np.linalg.eigvalsh((inner + inner.T) / 2.0)
    trace_of_root = np.sqrt(np.clip(cross, 0.0, None)).sum()
    gap = a.mean - b.mean
    distance = gap @ gap + np.trace(first) + np.trace(second) - 2.0 * trace_of_root
    return max(float(distance), 0.0)


def rank_warning(n: int, dim: int) -> str:
    """A line of warning if n samples cannot give a covariance of full rank, or ''."""
    if n > dim:
        return ""
    return (
        f"{n} samples of {dim} dimensions give a covariance of rank {max(n - 1, 0)} at most; "
        f"the Fréchet distance is biased and wants more than {dim} samples"
    )


def _check_dimensions(a: Moments, b: Moments) -> None:
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"a and b must have features of one dimension, got {a.mean.size} and {b.mean.size}"
        )
