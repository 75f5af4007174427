"""Arithmetic around a player's update: several updates a step, weight averages."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

PyTree = Any
Carry = TypeVar("Carry")

# XLA on CPU runs a convolution inside a while loop about half as fast as outside.
UNROLL = 8


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
