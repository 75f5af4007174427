"""Random keys that belong to a sample, so that no draw depends on the number of devices."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike


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
        first = 0 if axis_name is None else lax.axis_index(axis_name) * batch_size
        return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(batch_size))
    if key.shape[0] != batch_size:
        raise ValueError(f"key holds {key.shape[0]} keys for a batch of {batch_size}")
    return key


def per_sample(
    transform: Callable[..., jax.Array],
    key: jax.Array,
    images: jax.Array,
    *args: ArrayLike,
    axis_name: str | None = None,
) -> jax.Array:
    """``transform(key_i, image_i, *args)`` over a batch: in float32, returned in its own dtype."""
    check_images(images)
    keys = sample_keys(key, images.shape[0], axis_name)
    shared = (None for _ in args)
    out = jax.vmap(transform, (0, 0, *shared))(keys, images.astype(jnp.float32), *args)
    return out.astype(images.dtype)


def check_images(images: jax.Array) -> None:
    """Raises ``ValueError`` unless the images have four axes."""
    if images.ndim != 4:
        raise ValueError(f"images has shape {images.shape}, but [B, H, W, C] is due")
