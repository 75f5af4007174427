"""How losses come from elements to a number, with the checks of shape on the way."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

PyTree = Any


def difference(name: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """``a - b`` in float32; ``ValueError`` naming b unless the shapes are equal."""
    if a.shape != b.shape:
        raise ValueError(f"{name} has shape {b.shape}, but its partner has {a.shape}")
    return a.astype(jnp.float32) - b.astype(jnp.float32)


def per_sample(x: jax.Array) -> jax.Array:
    """The sum over all axes but the first."""
    return jnp.sum(x, axis=tuple(range(1, x.ndim)))


def align(x: jax.Array, like: jax.Array) -> jax.Array:
    """``x`` with axes of 1 before its own, as many as ``like`` has more; a scalar stays one.

    JAX adds them by itself, but not under ``jax_numpy_rank_promotion='raise'``.
    """
    return x.reshape((1,) * (like.ndim - x.ndim) + x.shape) if x.ndim else x


def total(
    distance: Callable[[jax.Array, jax.Array], jax.Array],
    name: str,
    first: PyTree,
    second: PyTree,
    weights: Sequence[float] | None = None,
) -> jax.Array:
    """The weighted sum over layers of a distance, for two trees of the same structure."""
    a, b = jax.tree.leaves(first), jax.tree.leaves(second)
    structure: Any = jax.tree.structure(first)
    if structure != jax.tree.structure(second):
        raise ValueError(f"{name} has {len(b)} layers or another structure than its partner")
    if weights is not None and len(weights) != len(a):
        raise ValueError(f"weights has {len(weights)} numbers for {len(a)} layers")
    terms = [distance(x, y) for x, y in zip(a, b, strict=True)]
    given = [1.0] * len(terms) if weights is None else weights
    weighted = (jnp.asarray(w, jnp.float32) * t for w, t in zip(given, terms, strict=True))
    return sum(weighted, jnp.zeros((), jnp.float32))
