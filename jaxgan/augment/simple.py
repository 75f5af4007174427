"""Horizontal flips, and instance noise with its annealing."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.augment.images import per_sample


def horizontal_flip(
    key: jax.Array,
    images: jax.Array,
    *,
    probability: ArrayLike = 0.5,
    axis_name: str | None = None,
) -> jax.Array:
    """Each image ``[B, H, W, C]`` mirrored left to right with ``probability``.

    Raises:
      ValueError: if images are not of four axes, or the probability is outside [0, 1].
    """
    if isinstance(probability, int | float) and not 0 <= probability <= 1:
        raise ValueError(f"probability is {probability}, but must be in [0, 1]")

    def flip(key: jax.Array, image: jax.Array, probability: ArrayLike) -> jax.Array:
        return jnp.where(
            jax.random.uniform(key, dtype=jnp.float32) < probability, image[:, ::-1], image
        )

    return per_sample(flip, key, images, probability, axis_name=axis_name)


def instance_noise(
    key: jax.Array, images: jax.Array, sigma: ArrayLike, *, axis_name: str | None = None
) -> jax.Array:
    """``x + sigma n`` with n ~ N(0, I): sigma is the standard deviation, in units of the images.

    For real and generated samples alike, with a sigma that falls to zero (``anneal``): it gives
    the two distributions a common support. Soenderby et al. 2017, "Amortised MAP Inference for
    Image Super-resolution", section 3.2; Arjovsky and Bottou 2017, "Towards Principled Methods
    for Training GANs", section 3.

    Args:
      key: one key, or one a sample ``[B]``.
      images: ``[B, H, W, C]``, or other samples ``[B, ...]``.
      sigma: a number, which may be traced.
      axis_name: the mapped axis over which the batch is split.

    Raises:
      ValueError: if images are not of a floating type, or sigma is negative.
    """
    if isinstance(sigma, int | float) and not sigma >= 0:
        raise ValueError(f"sigma is {sigma}, but must not be negative")

    def add(key: jax.Array, image: jax.Array, sigma: ArrayLike) -> jax.Array:
        return image + sigma * jax.random.normal(key, image.shape, jnp.float32)

    return per_sample(add, key, images, sigma, axis_name=axis_name, any_shape=True)


def anneal(step: ArrayLike, *, initial: float, steps: int, final: float = 0.0) -> jax.Array:
    """A float32 scalar that goes linearly from ``initial`` at step 0 to ``final`` at ``steps``.

    Raises:
      ValueError: if ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, but must be at least 1")
    done = jnp.clip(jnp.asarray(step, jnp.float32) / steps, 0.0, 1.0)
    return jnp.asarray(initial, jnp.float32) + jnp.asarray(final - initial, jnp.float32) * done
