"""Arithmetic around a player's update: several updates a step, a batch in parts, averages."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

PyTree = Any
Carry = TypeVar("Carry")

# Collections of statistics that are means over samples; others depend on the parameters alone.
MEANS = ("batch_stats", "w_avg")
# XLA on CPU runs a convolution inside a while loop about half as fast as outside.
UNROLL = 8


def split(tree: PyTree, n: int) -> PyTree:
    """Cuts the leading axis [n * B, ...] into minibatches [n, B, ...].

    Minibatch j takes every n-th sample, so that a batch sharded over devices is cut where it lies.
    """
    return jax.tree.map(lambda x: x.reshape(-1, n, *x.shape[1:]).swapaxes(0, 1), tree)


def join(parts: PyTree) -> PyTree:
    """What ``split`` has cut: [n, B, ...] as [n * B, ...]."""
    return jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(-1, *x.shape[2:]), parts)


def in_parts(function: Callable[[PyTree], PyTree], batch: PyTree, n: int) -> PyTree:
    """What a function gives for each sample of a batch, worked out in n parts, one by one."""
    if n == 1:
        return function(batch)
    return join(jax.lax.map(function, split_evenly(batch, n)))


def accumulate(
    gradient: Callable[[PyTree], tuple[PyTree, tuple[PyTree, PyTree]]], batch: PyTree, n: int
) -> tuple[PyTree, tuple[PyTree, PyTree]]:
    """The gradient of a mean over a batch, as the mean of those of its n parts, one by one.

    Each part starts from the same parameters and statistics. So the result is that of the whole
    batch wherever samples do not meet, in batch norm for one: there each part is a batch.

    Args:
      gradient: ``part -> (gradient, (statistics, metrics))``, the statistics of one network, or a
        tree of several networks'.
      batch: trees of [B, ...].
      n: how many parts.

    Returns:
      As ``gradient`` does: means over the parts, but for statistics that are none of ``MEANS``.

    Raises:
      ValueError: if n does not divide B.
    """
    if n == 1:
        return gradient(batch)

    def add(total: PyTree, part: PyTree) -> tuple[PyTree, PyTree]:
        found = gradient(part)
        return jax.tree.map(lambda t, x: t + x / n, total, found), found[1][0]

    parts = split_evenly(batch, n)
    first = jax.tree.map(lambda x: x[0], parts)
    # Of the result's own types, which `shard_map` compares too.
    zero = jax.tree.map(jnp.zeros_like, jax.eval_shape(gradient, first))
    # Not unrolled: XLA lets unrolled parts overlap; four take 84 % of the whole's memory, not 30.
    (grads, (mean, metrics)), stats = jax.lax.scan(add, zero, parts)

    def kept(path: tuple[Any, ...], mean: jax.Array, each: jax.Array) -> jax.Array:
        of_samples = any(getattr(key, "key", None) in MEANS for key in path)
        return mean if of_samples else each[-1]

    return grads, (jax.tree_util.tree_map_with_path(kept, mean, stats), metrics)


def split_evenly(batch: PyTree, n: int) -> PyTree:
    """``split``, for parts that a config asks for.

    Raises:
      ValueError: if n does not divide the batch.
    """
    B = jax.tree.leaves(batch)[0].shape[0]
    if B % n:
        raise ValueError(
            f"config.accumulate={n} does not divide the {B} samples of a minibatch on each device"
        )
    return split(batch, n)


def repeat(
    update: Callable[[Carry, PyTree], tuple[Carry, PyTree]], carry: Carry, minibatches: PyTree
) -> tuple[Carry, PyTree]:
    """Applies ``update`` to each minibatch in turn, and returns the last carry and metrics."""
    n = jax.tree.leaves(minibatches)[0].shape[0]
    if n == 1:
        return update(carry, jax.tree.map(lambda x: x[0], minibatches))
    carry, metrics = jax.lax.scan(update, carry, minibatches, unroll=min(n, UNROLL))
    return carry, jax.tree.map(lambda x: x[-1], metrics)


def average(old: PyTree, new: PyTree, decay: jax.Array) -> PyTree:
    """The exponential moving average ``decay * old + (1 - decay) * new``."""
    return jax.tree.map(lambda o, n: o + (1 - decay) * (n - o), old, new)


def bounded(decay: float, step: jax.Array, start: int = 0) -> jax.Array:
    """``min(decay, (1 + t) / (10 + t))`` at step t.

    The bound lets an average leave the initial weights quickly in a short run, as TensorFlow's
    ``ExponentialMovingAverage`` does with ``num_updates``. With a ``start`` there is no bound: the
    decay is 0 in the steps before it, as in BigGAN, and ``decay`` from it on.
    """
    t = step.astype(jnp.float32)
    if start:
        return jnp.where(t < start, 0.0, decay)
    return jnp.minimum(decay, (1 + t) / (10 + t))


def half_life(
    images: float | jax.Array, ramp: float, step: jax.Array, batch_size: int
) -> jax.Array:
    """The decay of an average whose weights halve in so many images.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data"
    (arXiv:2006.06676), as in the authors' code: ``0.5 ** (B / max(min(images, ramp t B), 1e-8))``.

    Args:
      images: the half-life.
      ramp: the most of the images seen so far that it may be; 0 for no such bound.
      step: t, steps so far.
      batch_size: B, over all devices.
    """
    life = jnp.asarray(images, jnp.float32)
    if ramp:
        life = jnp.minimum(life, ramp * batch_size * step.astype(jnp.float32))
    return 0.5 ** (batch_size / jnp.maximum(life, 1e-8))
