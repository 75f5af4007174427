"""Random keys that belong to a sample, so that no draw depends on the number of devices."""

import jax
import jax.numpy as jnp


def sample_keys(key: jax.Array, batch_size: int, axis_name: str | None = None) -> jax.Array:
    """One key a sample: ``fold_in(key, i)`` for the sample's place ``i`` in the global batch.

    Args:
      key: one key, or ``batch_size`` keys (typed ``[B]`` or raw ``[B, 2]``), returned as they
        are: whoever shards the batch may shard its keys with it.
      batch_size: the number B of samples here: of the global batch under ``jit``, of this
        device's shard inside ``pmap`` or ``shard_map``.
      axis_name: the mapped axis over which the batch is split; places then count from
        ``axis_index * B``. Without it every device would repeat the same draws.

    Returns:
      Keys with the leading axis B.

    Raises:
      ValueError: if a batch of keys is not of ``batch_size``.
    """
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if key.ndim == (0 if typed else 1):
        first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * batch_size
        return jax.vmap(jax.random.fold_in, (None, 0))(
            key, first + jnp.arange(batch_size, dtype=jnp.int32)
        )
    if key.shape[0] != batch_size:
        raise ValueError(f"key holds {key.shape[0]} keys for a batch of {batch_size}")
    return key


def fold(keys: jax.Array, purpose: int) -> jax.Array:
    """Fresh keys [B] from keys [B], for another purpose."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, purpose)


def truncated_normal(keys: jax.Array, shape: tuple[int, ...], bound: float) -> jax.Array:
    """Those draws of ``normal``'s kind that lie within the bound: [B, *shape] float32."""
    draw = jax.random.truncated_normal
    return jax.vmap(lambda key: draw(key, -bound, bound, shape, jnp.float32))(keys)


def normal(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Standard normal draws [B, *shape] float32, one for each of the keys [B]."""
    return jax.vmap(lambda key: jax.random.normal(key, shape, jnp.float32))(keys)
