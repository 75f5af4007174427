"""Arithmetic around a player's update: per-sample keys, several updates a step, weight averages."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

PyTree = Any
Carry = TypeVar("Carry")

# XLA on CPU runs a convolution inside a while loop about half as fast as outside.
UNROLL = 8


def sample_keys(key: jax.Array, n: int, axis_name: str | None = None) -> jax.Array:
    """One key for each sample, the same however the batch is split over devices.

    Args:
      key: the step's key.
      n: the number of samples on this device (the whole batch under ``jit``).
      axis_name: the mapped axis over which the batch is split, under ``pmap`` or ``shard_map``.

    Returns:
      Keys [n]: those of samples ``i * n`` to ``(i + 1) * n`` on the i-th device.
    """
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * n
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(n))


def normal(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Standard normal draws [len(keys), *shape] float32, one for each key."""
    return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)


def fold(keys: jax.Array, purpose: int) -> jax.Array:
    """Fresh keys of the same shape, for another purpose."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, purpose)


def split(tree: PyTree, n: int) -> PyTree:
    """Cuts the leading axis [n * B, ...] into minibatches [n, B, ...].

    Minibatch j takes every n-th sample, so that a batch sharded over devices is cut where it lies.
    """
    return jax.tree.map(lambda x: x.reshape(-1, n, *x.shape[1:]).swapaxes(0, 1), tree)


def repeat(
    update: Callable[[Carry, PyTree], tuple[Carry, PyTree]], carry: Carry, minibatches: PyTree
) -> tuple[Carry, PyTree]:
    """Applies ``update`` to each minibatch in turn, and returns the last carry and metrics."""
    n = jax.tree.leaves(minibatches)[0].shape[0]
    if n == 1:
        return update(carry, jax.tree.map(lambda x: x[0], minibatches))
    carry, metrics = jax.lax.scan(update, carry, minibatches, unroll=min(n, UNROLL))
    return carry, jax.tree.map(lambda x: x[-1], metrics)


def average(old: PyTree, new: PyTree, decay: float, step: jax.Array) -> PyTree:
    """The exponential moving average ``d * old + (1 - d) * new``, d = min(decay, (1+t)/(10+t)).

    The bound on d lets the average leave the initial weights quickly in a short run, as
    TensorFlow's ``ExponentialMovingAverage`` does with ``num_updates``.
    """
    t = step.astype(jnp.float32)
    d = jnp.minimum(decay, (1 + t) / (10 + t))
    return jax.tree.map(lambda o, n: o + (1 - d) * (n - o), old, new)
