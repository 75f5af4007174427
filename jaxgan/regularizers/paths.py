"""Path length regularization: a step in latent space shall move the image equally far anywhere."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan.base.draws import sample_keys


def path_length_init() -> jax.Array:
    """The running mean of path lengths before the first step: a float32 zero."""
    return jnp.zeros((), jnp.float32)


def path_lengths(
    generate: Callable[[jax.Array], jax.Array],
    latents: jax.Array,
    key: jax.Array,
    *,
    axis_name: str | None = None,
) -> jax.Array:
    """``|J^T y|`` of each sample, float32 ``[B]``, for y ~ N(0, I) / sqrt(H W).

    J is the Jacobian of the image in the sample's latent. Latents ``[B, L]``, or ``[B, K, L]``
    for one per layer, where the square norms of the K are averaged, as in the authors' code. The
    norm is ``sqrt(|.|^2 + 1e-12)``.

    Args:
      generate: from latents to images ``[B, H, W, C]``, without mixing samples.
      latents: StyleGAN's w ``[B, L]`` or ``[B, K, L]``.
      key: one key, or one a sample ``[B]``.
      axis_name: the mapped axis over which the batch is split, so that shards draw apart.

    Raises:
      ValueError: if latents or images have another rank, or images are not one a latent.
    """
    if latents.ndim not in (2, 3):
        raise ValueError(f"latents has shape {latents.shape}, but [B, L] or [B, K, L] is due")
    keys = sample_keys(key, latents.shape[0], axis_name)

    def projection(latents: jax.Array) -> jax.Array:
        images = generate(latents)
        if images.ndim != 4 or len(images) != len(latents):
            raise ValueError(
                f"generate returned {images.shape} for {len(latents)} latents, but "
                "[B, H, W, C] is due"
            )
        _, H, W, _ = images.shape
        y = jax.vmap(lambda k: jax.random.normal(k, images.shape[1:], jnp.float32))(keys)
        return jnp.sum(images.astype(jnp.float32) * y) / jnp.sqrt(H * W)

    gradient = jax.grad(projection)(latents.astype(jnp.float32))
    squares = jnp.sum(jnp.square(gradient), axis=-1)
    return jnp.sqrt((squares if latents.ndim == 2 else jnp.mean(squares, axis=1)) + 1e-12)


def path_length(
    generate: Callable[[jax.Array], jax.Array],
    latents: jax.Array,
    key: jax.Array,
    mean: jax.Array,
    *,
    decay: ArrayLike = 0.01,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """``mean (|J^T y| - a)^2`` and the new a, the running mean of the lengths.

    ``a = a + decay (mean length - a)`` is moved before it is compared with, as in the authors'
    code, and is a constant to the gradient, as in the paper (their code lets ``decay`` of the
    gradient through it). With ``axis_name`` a is the same on every device. Multiply by the
    weight, 2 in the paper, and by the interval of a lazy evaluation.

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", eq. 4.

    Args:
      generate: from latents to images ``[B, H, W, C]``, without mixing samples.
      latents: StyleGAN's w ``[B, L]`` or ``[B, K, L]``.
      key: one key, or one a sample ``[B]``.
      mean: the state: of ``path_length_init``, or what the last call returned.
      decay: how far the mean moves toward the lengths of this batch.
      axis_name: the mapped axis over which the batch is split.

    Returns:
      The penalty and the new mean, float32 scalars.

    Raises:
      ValueError: if latents or images have another rank, images are not one a latent, or
        ``decay`` is outside [0, 1].
    """
    if isinstance(decay, int | float) and not 0 <= decay <= 1:
        raise ValueError(f"decay is {decay}, but must be in [0, 1]")
    lengths = path_lengths(generate, latents, key, axis_name=axis_name)
    batch_mean = jnp.mean(lengths)
    if axis_name is not None:
        batch_mean = lax.pmean(batch_mean, axis_name)
    decay = jnp.asarray(decay, jnp.float32)
    new_mean = lax.stop_gradient(mean + decay * (batch_mean - mean))
    return jnp.mean(jnp.square(lengths - new_mean)), new_mean
