"""The kernel distance (KID): an unbiased polynomial-kernel MMD^2 of features, block by block."""

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxgan.evaluation.metrics.neighbours import check


def kid(
    x: ArrayLike | jax.Array,
    y: ArrayLike | jax.Array,
    *,
    blocks: int | None = None,
    block_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The squared maximum mean discrepancy with the kernel ``(x.y / D + 1)^3``, unbiased.

    Binkowski et al. 2018, "Demystifying MMD GANs", eq. 4, averaged over blocks (section 4 there).
    Being unbiased, its expectation does not depend on the sizes, and it may be negative.

    Blocks are disjoint while they fit, so that their spread gives an honest standard error. More
    ``blocks`` than fit are drawn anew each, without replacement within a block, as in the authors'
    code (100 of 1,000): they overlap, and the standard error is then too small. Sets smaller than
    a block make a single block of all, with a jackknife standard error over the samples (Arvesen
    1969), which is too large, not too small, near zero distance.

    Args:
      x: features [n, D], finite, in any order.
      y: features [m, D], finite.
      blocks: how many; by default as many disjoint ones as fit. A single block of all, where that
        is all there is, whatever is asked for.
      block_size: samples of each set in a block, at least 2. The cost is of its square.
      seed: for the samples that a block holds.

    Returns:
      The mean and its standard error, computed in float64.

    Raises:
      ValueError: if a set is not [n >= 2, D] and finite, the dimensions differ, or blocks or
        block_size are too small.
    """
    x, y = check("x", x, 2), check("y", y, 2)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must have one dimension, got {x.shape[1]} and {y.shape[1]}")
    if block_size < 2:
        raise ValueError(f"block_size must be at least 2, got {block_size}")
    if blocks is not None and blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    fitting = min(len(x), len(y)) // block_size
    count = fitting if blocks is None else blocks
    rng = np.random.default_rng(seed)
    if fitting == 0 or count == 1:
        first, second = (s[rng.permutation(len(s))[:block_size]] for s in (x, y))
        return _single(first, second)
    if count <= fitting:
        picks = [rng.permutation(len(s))[: count * block_size].reshape(count, -1) for s in (x, y)]
    else:
        picks = [
            np.stack([rng.choice(len(s), block_size, replace=False) for _ in range(count)])
            for s in (x, y)
        ]
    found = [_mmd2(*_sums(x[i], y[j])) for i, j in zip(*picks, strict=True)]
    return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(count))


def _sums(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sums over the other samples of k(x, x') [n], k(y, y') [m], k(x, y) [n] and k(y, x) [m]."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    within = []
    for samples in (x, y):
        kernel = (samples @ samples.T / samples.shape[1] + 1.0) ** 3
        within.append(kernel.sum(axis=1) - np.diag(kernel))
    cross = (x @ y.T / x.shape[1] + 1.0) ** 3
    return within[0], within[1], cross.sum(axis=1), cross.sum(axis=0)


def _mmd2(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, yx: np.ndarray) -> float:
    n, m = len(xx), len(yy)
    return xx.sum() / (n * (n - 1)) + yy.sum() / (m * (m - 1)) - 2.0 * xy.sum() / (n * m)


def _single(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The estimate of one block and its jackknife standard error, from leaving out each sample."""
    xx, yy, xy, yx = _sums(x, y)
    n, m = len(x), len(y)
    variance = 0.0
    for within, across, other, size, rest in ((xx, xy, yy, n, m), (yy, yx, xx, m, n)):
        if size < 3:  # Nothing is left of its own term without one of two samples.
            continue
        left = (within.sum() - 2.0 * within) / ((size - 1) * (size - 2))
        left += other.sum() / (rest * (rest - 1))
        left -= 2.0 * (across.sum() - across) / ((size - 1) * rest)
        variance += (size - 1) * float(np.var(left))
    return float(_mmd2(xx, yy, xy, yx)), float(np.sqrt(variance))
