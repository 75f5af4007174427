"""Nearest neighbours in tiles of bounded memory, and whether samples are copies of training data.

The tiles serve the other metrics of pairs too: every set is cut into blocks of one size, so that
a function of a pair of blocks compiles once, whatever the number of samples.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

CHUNK = 2048
# Farther than any two samples. Finite, for whoever looks for infinities (jax_debug_infs), and twice
# as much is still finite.
FAR = float(np.finfo(np.float32).max) / 2


class Block(NamedTuple):
    """Some of the samples: rows [C, D], float32 and centred, and their squared norms [C].

    Rows that pad the last block are zero with a norm of ``FAR``: they are far from everything.
    """

    rows: jax.Array
    norms: jax.Array


@dataclass(frozen=True)
class Memorization:
    """How near generated samples lie to the training data, against held-out samples.

    Attributes:
      ratio: the median distance of generated samples to the nearest training sample, over that of
        held-out ones. 1: as far as unseen data; near 0: copies.
      close_share: the share of generated samples no farther from the training data than the
        nearest hundredth of the held-out ones: about 0.01 for unseen data, 1 for copies.
    """

    ratio: float
    close_share: float


def check(name: str, features: ArrayLike | jax.Array, least: int = 1) -> np.ndarray:
    """The features as an array [n, D].

    Raises:
      ValueError: if they are not [n, D] with n at least ``least``, or not finite.
    """
    features = np.asarray(features)
    if features.ndim != 2 or len(features) < least:
        raise ValueError(
            f"{name} must be [n, D] with n at least {least}, got shape {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError(f"{name} has features that are not finite")
    return features


def check_dimensions(name: str, x: np.ndarray, other: str, y: np.ndarray) -> None:
    """Raises ValueError if the two sets are of unequal dimension."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{name} and {other} must have one dimension, got {x.shape[1]} and {y.shape[1]}"
        )


def block_length(chunk: int, *sizes: int) -> int:
    """``chunk``, or the next power of two for smaller sets: few lengths, so few compilations.

    Raises:
      ValueError: if chunk is below 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    return min(chunk, 1 << (max(sizes) - 1).bit_length())


def blocks(features: np.ndarray, centre: np.ndarray, length: int) -> list[Block]:
    """Features [n, D] cut into blocks of ``length`` rows, less ``centre`` [D].

    Centring comes first because the expansion of squared distances cancels: its rounding is of the
    size of the squared norms, however near the two points are.
    """
    found = []
    for start in range(0, len(features), length):
        rows = features[start : start + length].astype(np.float64) - centre
        norms = np.full(length, FAR, np.float32)
        norms[: len(rows)] = (rows**2).sum(axis=1)
        padding = ((0, length - len(rows)), (0, 0))
        padded = np.pad(rows.astype(np.float32), padding)
        found.append(Block(jnp.asarray(padded), jnp.asarray(norms)))
    return found


def squared_distances(a: Block, b: Block, same: jax.Array | bool = False) -> jax.Array:
    """Squared distances [C, C] float32 of the rows of a to those of b; ``FAR`` or more for padding.

    Args:
      a: a block.
      b: a block of the same length.
      same: whether they are one block of one set. A row's distance to itself is then ``FAR``:
        told by its place, because a duplicate is a neighbour at distance zero like any other.
    """
    # 'highest': on an accelerator the default rounds the products to fewer bits.
    product = jnp.matmul(a.rows, b.rows.T, precision="highest")
    squared = jnp.maximum(a.norms[:, None] + b.norms[None, :] - 2.0 * product, 0.0)
    itself = jnp.eye(len(a.norms), dtype=bool) & same
    return jnp.where(itself, FAR, squared)


def nearest(
    queries: ArrayLike | jax.Array, references: ArrayLike | jax.Array, *, chunk: int = CHUNK
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest reference of each query, by Euclidean distance.

    The search is float32; the distances of the pairs found are then computed in float64, so that a
    copy is at 0 exactly. Among references equally near to rounding, which one is found is open.

    Args:
      queries: [n, D], finite.
      references: [m, D], finite.
      chunk: samples of each set in a tile; memory is two float32 copies of the features and a few
        times chunk^2.

    Returns:
      Distances, float64 [n], and indices into references, int64 [n].

    Raises:
      ValueError: if a set is not [n, D] and finite, the dimensions differ, or chunk is below 1.
    """
    queries, references = check("queries", queries), check("references", references)
    check_dimensions("queries", queries, "references", references)
    length = block_length(chunk, len(queries), len(references))
    centre = references.mean(axis=0, dtype=np.float64)
    columns = blocks(references, centre, length)
    indices = []
    for rows in blocks(queries, centre, length):
        best = jnp.full(length, FAR, jnp.float32), jnp.zeros(length, jnp.int32)
        for i, block in enumerate(columns):
            best = _nearer(rows, block, best, i * length)
        indices.append(np.asarray(best[1]))
    index = np.concatenate(indices)[: len(queries)].astype(np.int64)
    distances = np.empty(len(queries))
    for start in range(0, len(queries), length):
        part = slice(start, start + length)
        gap = queries[part].astype(np.float64) - references[index[part]]
        distances[part] = np.sqrt((gap**2).sum(axis=1))
    return distances, index


def memorization(
    generated: ArrayLike | jax.Array,
    held_out: ArrayLike | jax.Array,
    training: ArrayLike | jax.Array,
    *,
    chunk: int = CHUNK,
) -> Memorization:
    """Whether generated samples lie nearer to the training data than unseen samples do.

    The median of nearest-neighbour distances, set against that of held-out data as in Meehan et
    al. 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models", section 3. A
    generator of few modes, or of blurred ones, may lie nearer than unseen data without copying.

    Args:
      generated: [n, D], finite.
      held_out: [m, D], real samples that were not trained on.
      training: [t, D], what was trained on.
      chunk: as in ``nearest``.

    Raises:
      ValueError: as ``nearest``; and if half of ``held_out`` or more are in ``training``.
    """
    generated, held_out = check("generated", generated), check("held_out", held_out)
    training = check("training", training)
    check_dimensions("generated", generated, "training", training)
    check_dimensions("held_out", held_out, "training", training)
    unseen = nearest(held_out, training, chunk=chunk)[0]
    found = nearest(generated, training, chunk=chunk)[0]
    scale = float(np.median(unseen))
    if scale == 0.0:
        raise ValueError("held_out has half of its samples or more in training")
    # Not '<': where a hundredth of the held-out samples have a twin, the threshold is 0.
    close = found <= np.percentile(unseen, 1.0)
    return Memorization(float(np.median(found)) / scale, float(close.mean()))


@jax.jit
def _nearer(
    rows: Block, columns: Block, best: tuple[jax.Array, jax.Array], offset: int
) -> tuple[jax.Array, jax.Array]:
    squared = squared_distances(rows, columns)
    index = jnp.argmin(squared, axis=1).astype(jnp.int32)
    value = jnp.min(squared, axis=1)
    nearer = value < best[0]
    return jnp.where(nearer, value, best[0]), jnp.where(nearer, offset + index, best[1])
