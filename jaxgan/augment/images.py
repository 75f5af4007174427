"""A transform of one image applied to a batch, each image with its own key."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.base.draws import sample_keys


def per_sample(
    transform: Callable[..., jax.Array],
    key: jax.Array,
    images: jax.Array,
    *args: ArrayLike,
    axis_name: str | None = None,
    any_shape: bool = False,
) -> jax.Array:
    """``transform(key_i, image_i, *args)`` over a batch: in float32, returned in its own dtype.

    ``args`` are numbers, the same for all images. ``any_shape``: for samples [B, ...], as well.
    """
    check_images(images, any_shape=any_shape)
    keys = sample_keys(key, images.shape[0], axis_name)
    numbers = [jnp.asarray(x, jnp.float32) for x in args]
    mapped = jax.vmap(transform, (0, 0, *(None for _ in numbers)))
    out = mapped(keys, images.astype(jnp.float32), *numbers)
    return out.astype(images.dtype)


def check_images(images: jax.Array, *, any_shape: bool = False) -> None:
    """Raises ``ValueError`` unless the images have four axes and are of a floating type."""
    if images.ndim != 4 and not any_shape:
        raise ValueError(f"images has shape {images.shape}, but [B, H, W, C] is due")
    if not jnp.issubdtype(images.dtype, jnp.floating):
        # The result would be cut off to whole numbers, and wrap around.
        raise ValueError(f"images has dtype {images.dtype}, but a floating type is due")
