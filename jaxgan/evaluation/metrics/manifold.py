"""Precision, recall, density and coverage: does each set lie within the other's neighbourhoods."""

from dataclasses import dataclass
from functools import partial

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
    check_dimensions,
    squared_distances,
)


@dataclass(frozen=True)
class Prdc:
    """The four shares; density alone may exceed 1. A perfect sampler is below 1 in most of them."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: ArrayLike | jax.Array,
    fake: ArrayLike | jax.Array,
    *,
    k: int = 5,
    chunk: int = CHUNK,
) -> Prdc:
    """Improved precision and recall, density and coverage of features.

    With balls around each sample that reach to its k-th nearest neighbour in its own set, itself
    not counted:

    - precision: the share of fakes in a ball of any real, and recall: the share of reals in a ball
      of any fake (Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing
      Generative Models", eq. 1 and 2);
    - density: the mean number of real balls that a fake lies in, over k, and coverage: the share
      of real balls with a fake in them (Naeem et al. 2020, "Reliable Fidelity and Diversity
      Metrics for Generative Models", eq. 3 and 4).

    Balls are closed, as in the first paper; the second's code leaves out the surface, which matters
    only between exact ties. Squared distances are float32 by the Gram expansion of centred
    features. Memory beside the features is one float32 copy of them and a few times chunk^2; time
    is that of three products of all pairs.

    Args:
      real: [n, D], finite, n above k.
      fake: [m, D], finite, m above k.
      k: the neighbour, at least 1.
      chunk: samples of each set in a tile.

    Raises:
      ValueError: if a set is not [n > k, D] and finite, the dimensions differ, or k or chunk is
        below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    real, fake = check("real", real, k + 1), check("fake", fake, k + 1)
    check_dimensions("real", real, "fake", fake)
    n, m = len(real), len(fake)
    length = max(block_length(chunk, n, m), k)
    centre = real.mean(axis=0, dtype=np.float64)
    reals, fakes = blocks(real, centre, length), blocks(fake, centre, length)
    real_radii = [_radii(reals, i, k) for i in range(len(reals))]
    fake_radii = [_radii(fakes, j, k) for j in range(len(fakes))]

    recalled, covered = [], []
    inside = np.zeros((len(fakes), length), np.int64)
    for row, row_radii in zip(reals, real_radii, strict=True):
        flags = jnp.zeros(length, bool), jnp.zeros(length, bool)
        for j, (column, column_radii) in enumerate(zip(fakes, fake_radii, strict=True)):
            counts, flags = _cross(row, column, row_radii, column_radii, flags)
            inside[j] += np.asarray(counts)
        recalled.append(np.asarray(flags[0]))
        covered.append(np.asarray(flags[1]))
    balls = inside.ravel()[:m]
    return Prdc(
        precision=float((balls > 0).mean()),
        recall=float(np.concatenate(recalled)[:n].mean()),
        density=float(balls.mean() / k),
        coverage=float(np.concatenate(covered)[:n].mean()),
    )


def _radii(parts: list[Block], i: int, k: int) -> jax.Array:
    """Squared distances [C] of the rows of block i to their k-th neighbour in the whole set."""
    best = jnp.full((len(parts[i].norms), k), FAR, jnp.float32)
    for j, other in enumerate(parts):
        best = _nearest_k(parts[i], other, best, i == j, k=k)
    # The ball of a padding row would be around everything.
    return jnp.where(parts[i].norms >= FAR, -1.0, best[:, -1])


@partial(jax.jit, static_argnames="k")
def _nearest_k(rows: Block, columns: Block, best: jax.Array, same: bool, *, k: int) -> jax.Array:
    found, _ = jax.lax.top_k(-squared_distances(rows, columns, same), k)
    return -jax.lax.top_k(jnp.concatenate([-best, found], axis=1), k)[0]


@jax.jit
def _cross(
    real: Block,
    fake: Block,
    real_radii: jax.Array,
    fake_radii: jax.Array,
    flags: tuple[jax.Array, jax.Array],
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Real balls around each fake [C], and whether each real is in a ball, and its ball filled."""
    squared = squared_distances(real, fake)
    in_real = squared <= real_radii[:, None]
    in_fake = squared <= fake_radii[None, :]
    recalled, covered = flags
    flags = recalled | in_fake.any(axis=1), covered | in_real.any(axis=1)
    return in_real.sum(axis=0), flags
