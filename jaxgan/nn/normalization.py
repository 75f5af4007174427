"""Normalizations without a condition: pixel, instance, layer and virtual batch norm.

For batch norm take `flax.linen.BatchNorm`: its statistics are float32 and cross devices by
``axis_name``. Pass ``use_fast_variance=False``, since the difference of two large squares loses the
variance of features whose mean is large.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.weights import Initializer, parameter, per_channel


def pixel_norm(x: Array, epsilon: float = 1e-8) -> Array:
    """Each pixel's features over their root mean square (Karras et al. 2018, section 4.2).

    Args:
      x: [..., C]; also latents [B, C], as at the mouth of StyleGAN's mapping network.
      epsilon: added to the mean of squares, inside the root.

    Returns:
      [..., C] in the dtype of ``x``, computed in float32.
    """
    y = _float32(x)
    y = y / jnp.sqrt(jnp.mean(y**2, axis=-1, keepdims=True) + epsilon)
    return y.astype(x.dtype)


def instance_norm(x: Array, epsilon: float = 1e-5) -> Array:
    """Each channel of each image to zero mean and unit variance (Ulyanov et al. 2016, eq. 4).

    Args:
      x: [B, H, W, C].
      epsilon: added to the variance, inside the root.

    Returns:
      [B, H, W, C] in the dtype of ``x``, computed in float32.

    Raises:
      ValueError: for an ``x`` of another rank.
    """
    check_images(x)
    return _standardize(x, (1, 2), epsilon).astype(x.dtype)


def adain(x: Array, style: Array, epsilon: float = 1e-5) -> Array:
    """``x`` with the channel means and deviations of ``style`` (Huang and Belongie 2017, eq. 8).

    Args:
      x: content features [B, H, W, C].
      style: style features [B, H', W', C].
      epsilon: added to both variances, inside the roots.

    Returns:
      [B, H, W, C] in the dtype of ``x``, computed in float32.

    Raises:
      ValueError: for another rank, batch or number of channels.
    """
    check_images(x)
    if style.ndim != 4 or style.shape[::3] != x.shape[::3]:
        raise ValueError(f"style must be [B, H, W, C] with B, C of {x.shape}, got {style.shape}")
    s = _float32(style)
    mean = s.mean(axis=(1, 2), keepdims=True)
    deviation = jnp.sqrt(s.var(axis=(1, 2), keepdims=True) + epsilon)
    return (_standardize(x, (1, 2), epsilon) * deviation + mean).astype(x.dtype)


class LayerNorm(nn.Module):
    """Layer norm over all axes but the batch's, with a scale and bias per channel (Ba et al. 2016).

    This is the layer norm of WGAN-GP's critic. `flax.linen.LayerNorm` normalizes the channels of
    every pixel on their own, which is another layer.

    Attributes:
      epsilon: added to the variance, inside the root.
      dtype: of the output; that of the input when None. The computation is in float32.
    """

    epsilon: float = 1e-5
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalize ``x`` [B, ..., C]."""
        _check_rank(x)
        y = _standardize(x, tuple(range(1, x.ndim)), self.epsilon)
        return _affine(self, y).astype(self.dtype or x.dtype)


class VirtualBatchNorm(nn.Module):
    """Batch norm against a fixed reference batch (Salimans et al. 2016, section 3.4).

    An image is normalized by the statistics of the reference batch and itself, weighted n to 1 for
    n reference images, so it does not depend on the rest of its own batch, nor on how devices
    split it. The reference passes through the network beside the images and is normalized by its
    own statistics.

    Attributes:
      epsilon: added to the variance, inside the root.
      dtype: of the output; that of the input when None. The computation is in float32.
    """

    epsilon: float = 1e-5
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, reference: Array) -> tuple[Array, Array]:
        """Normalize ``x`` [B, ..., C] and ``reference`` [n, ..., C], with equal trailing axes."""
        _check_rank(x)
        if x.shape[1:] != reference.shape[1:]:
            raise ValueError(
                f"reference must have the trailing axes of x {x.shape[1:]}, "
                f"got {reference.shape[1:]}"
            )
        if not len(reference):
            raise ValueError("reference must hold at least one image")
        inner = tuple(range(1, x.ndim - 1))
        y, r = _float32(x), _float32(reference)
        r_mean = r.mean(axis=(0, *inner), keepdims=True)
        r_var = r.var(axis=(0, *inner), keepdims=True)
        share = 1 / (len(reference) + 1)
        own = y.mean(axis=inner, keepdims=True)
        mean = share * own + (1 - share) * r_mean
        # The variance of the mixture: within its two parts, and between their means.
        within = share * y.var(axis=inner, keepdims=True) + (1 - share) * r_var
        between = share * (own - mean) ** 2 + (1 - share) * (r_mean - mean) ** 2
        y = (y - mean) / jnp.sqrt(within + between + self.epsilon)
        r = (r - r_mean) / jnp.sqrt(r_var + self.epsilon)
        dtype = self.dtype or x.dtype
        scale, bias = _affine_parameters(self, x)
        return (y * scale + bias).astype(dtype), (r * scale + bias).astype(dtype)


def check_images(x: Array, name: str = "x") -> None:
    """Raise a ValueError that names the argument unless it is [B, H, W, C]."""
    if x.ndim != 4:
        raise ValueError(f"{name} must be [B, H, W, C], got shape {x.shape}")


def _check_rank(x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(f"x must be [B, ..., C], got shape {x.shape}")


def _float32(x: Array) -> Array:
    """At least float32: half precision has too few bits for a mean of squares."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _standardize(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    y = _float32(x)
    y = y - y.mean(axis=axes, keepdims=True)
    return y / jnp.sqrt(jnp.mean(y**2, axis=axes, keepdims=True) + epsilon)


def _affine(module: nn.Module, x: Array) -> Array:
    scale, bias = _affine_parameters(module, x)
    return x * scale + bias


def _affine_parameters(module: nn.Module, x: Array) -> tuple[Array, Array]:
    """Scale and bias of the channels of ``x``, in its rank."""
    ones: Initializer = nn.initializers.ones_init()
    zeros: Initializer = nn.initializers.zeros_init()
    scale = parameter(module, "scale", ones, x.shape[-1:])
    bias = parameter(module, "bias", zeros, x.shape[-1:])
    return per_channel(scale, x), per_channel(bias, x)
