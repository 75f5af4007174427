"""Memories of past samples: CycleGAN's image pool, and a replay buffer. Pure, with jax alone.

A state is a pytree to be kept in ``State.extras`` and saved with it. A sample is any pytree of
arrays (an image, or an image with its label), a batch the same with a leading axis B. What comes
out carries no gradient. Every draw belongs to a sample: ``key`` is one key, or one a sample.
With ``axis_name`` the batch is gathered first, so that the state stays the same on every device,
and each device gets back its own part of the result.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan.base.draws import sample_keys

PyTree = Any


class Buffer(NamedTuple):
    """The stored samples ``[size, ...]``, zeros at first, and an int32 count of stored samples.

    The count says how many places are filled (all, from ``size`` on) and, modulo ``size``, which
    is the oldest; it does not grow without end.
    """

    samples: PyTree
    stored: jax.Array


def image_pool_init(size: int, example: PyTree) -> Buffer:
    """An empty pool for ``size`` samples like ``example``, which has no batch axis.

    Raises:
      ValueError: if ``size`` is below 1.
    """
    if size < 1:
        raise ValueError(f"size is {size}, but must be at least 1")
    samples = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), example)
    return Buffer(samples, jnp.zeros((), jnp.int32))


def image_pool_query(
    key: jax.Array, pool: Buffer, batch: PyTree, *, axis_name: str | None = None
) -> tuple[PyTree, Buffer]:
    """The batch with some samples exchanged for older ones, and the pool that keeps those.

    One sample after another: while the pool fills, a sample is stored and returned; then, with
    probability one half, it takes a random place in the pool and what lay there is returned.
    Shrivastava et al. 2017, "Learning from Simulated and Unsupervised Images", section 2.3, in
    the form of Zhu et al. 2017, "Unpaired Image-to-Image Translation" (CycleGAN), section 4, with
    50 images.

    Args:
      key: one key, or one a sample ``[B]``.
      pool: the state.
      batch: samples ``[B, ...]``.
      axis_name: the mapped axis over which the batch is split.

    Raises:
      ValueError: if the batch does not fit the pool.
    """
    _check(pool, batch)
    size = _length(pool.samples)
    keys = _gather(sample_keys(key, _length(batch), axis_name), axis_name)

    def one(pool: Buffer, item: tuple[jax.Array, PyTree]) -> tuple[Buffer, PyTree]:
        coin_key, place_key = jax.random.split(item[0])
        filling = pool.stored < size
        keep = filling | jax.random.bernoulli(coin_key, jnp.float32(0.5))
        place = jnp.where(
            filling, pool.stored, jax.random.randint(place_key, (), 0, size, jnp.int32)
        )
        older = jax.tree.map(lambda old: old[place], pool.samples)
        out = _where(keep & ~filling, older, item[1])
        samples = jax.tree.map(
            lambda old, new: old.at[place].set(jnp.where(keep, new, old[place])),
            pool.samples,
            item[1],
        )
        return Buffer(samples, pool.stored + filling.astype(jnp.int32)), out

    pool, out = lax.scan(one, pool, (keys, _gather(lax.stop_gradient(batch), axis_name)))
    return _local(out, _length(batch), axis_name), pool


def replay_init(size: int, example: PyTree) -> Buffer:
    """An empty buffer for the newest ``size`` samples like ``example``, without a batch axis.

    Raises:
      ValueError: if ``size`` is below 1.
    """
    return image_pool_init(size, example)


def replay_insert(buffer: Buffer, batch: PyTree, *, axis_name: str | None = None) -> Buffer:
    """The buffer with the batch in it, in the place of its oldest samples.

    Raises:
      ValueError: if the batch does not fit the buffer.
    """
    _check(buffer, batch)
    batch = _gather(lax.stop_gradient(batch), axis_name)
    size, count = _length(buffer.samples), _length(batch)
    skip = max(count - size, 0)  # of a batch larger than the buffer the last samples stay
    places = (buffer.stored + skip + jnp.arange(count - skip, dtype=jnp.int32)) % size
    samples = jax.tree.map(lambda old, new: old.at[places].set(new[skip:]), buffer.samples, batch)
    return Buffer(samples, _advance(buffer.stored, count, size))


def replay_sample(
    key: jax.Array, buffer: Buffer, n: int, *, axis_name: str | None = None
) -> PyTree:
    """``n`` samples of those in the buffer, drawn evenly and with replacement.

    With ``axis_name`` n on each device. From an empty buffer they are zeros.
    """
    size = _length(buffer.samples)
    filled = jnp.clip(buffer.stored, 1, size)
    keys = sample_keys(key, n, axis_name)
    places = jax.vmap(lambda k: jax.random.randint(k, (), 0, filled, jnp.int32))(keys)
    return jax.tree.map(lambda x: x[places], buffer.samples)


def replay_query(
    key: jax.Array,
    buffer: Buffer,
    batch: PyTree,
    *,
    probability: ArrayLike = 0.5,
    axis_name: str | None = None,
) -> tuple[PyTree, Buffer]:
    """The batch, each sample exchanged for a past one with ``probability``, and the new buffer.

    Past samples are of earlier batches: all of this one goes in after the draw. From an empty
    buffer the batch comes back as it is. Shrivastava et al. 2017, section 2.3, exchange half of
    each batch, as here on average.

    Args:
      key: one key, or one a sample ``[B]``.
      buffer: the state.
      batch: samples ``[B, ...]``.
      probability: of a sample to be exchanged.
      axis_name: the mapped axis over which the batch is split.

    Raises:
      ValueError: if the batch does not fit the buffer, or the probability is outside [0, 1].
    """
    if isinstance(probability, int | float) and not 0 <= probability <= 1:
        raise ValueError(f"probability is {probability}, but must be in [0, 1]")
    _check(buffer, batch)
    batch = lax.stop_gradient(batch)
    n = _length(batch)
    keys = jax.vmap(jax.random.split)(sample_keys(key, n, axis_name))
    share = jnp.asarray(probability, jnp.float32)
    exchange = jax.vmap(lambda k: jax.random.bernoulli(k, share))(keys[:, 0])
    past = replay_sample(keys[:, 1], buffer, n)
    out = jax.vmap(_where)(exchange & (buffer.stored > 0), past, batch)
    return out, replay_insert(buffer, batch, axis_name=axis_name)


def _advance(stored: jax.Array, count: int, size: int) -> jax.Array:
    # Wrapped, or it would overflow after 2^31 samples; never below size again once full.
    new = stored + count
    return jnp.where(new >= 2 * size, size + new % size, new).astype(jnp.int32)


def _check(buffer: Buffer, batch: PyTree) -> None:
    stored, given = jax.tree.leaves(buffer.samples), jax.tree.leaves(batch)
    structure: Any = jax.tree.structure(batch)
    if structure != jax.tree.structure(buffer.samples):
        raise ValueError("batch is not of the structure of the example that the buffer was made of")
    for old, new in zip(stored, given, strict=True):
        if old.shape[1:] != new.shape[1:] or old.dtype != new.dtype:
            raise ValueError(
                f"batch has samples of {new.dtype}{list(new.shape[1:])}, but the buffer was made "
                f"for {old.dtype}{list(old.shape[1:])}"
            )
    if len({x.shape[0] for x in given}) != 1:
        raise ValueError("batch has leaves of unequal length")


def _length(tree: PyTree) -> int:
    return jax.tree.leaves(tree)[0].shape[0]


def _where(condition: jax.Array, yes: PyTree, no: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def _gather(tree: PyTree, axis_name: str | None) -> PyTree:
    """The whole batch from its parts, the same on every device."""
    if axis_name is None:
        return tree

    def gather(x: jax.Array) -> jax.Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            whole = gather(jax.random.key_data(x))
            return jax.random.wrap_key_data(whole, impl=jax.random.key_impl(x))
        # A sum of parts with zeros elsewhere, not an all_gather, which shard_map would not
        # accept as the same everywhere.
        whole = jnp.zeros((lax.axis_size(axis_name) * x.shape[0], *x.shape[1:]), x.dtype)
        first = lax.axis_index(axis_name) * x.shape[0]
        whole = lax.psum(lax.dynamic_update_slice_in_dim(whole, x, first, 0), axis_name)
        return whole.astype(x.dtype)  # a sum of booleans is an integer

    return jax.tree.map(gather, tree)


def _local(tree: PyTree, n: int, axis_name: str | None) -> PyTree:
    """This device's part of what ``_gather`` put together."""
    if axis_name is None:
        return tree
    first = lax.axis_index(axis_name) * n
    return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, first, n, 0), tree)
