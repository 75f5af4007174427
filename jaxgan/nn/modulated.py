"""Convolutions of StyleGAN2: joined with FIR resampling, and modulated by a style."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.conv import conv, conv_transpose
from jaxgan.nn.equalized import EqualizedLR
from jaxgan.nn.linear import Dense
from jaxgan.nn.normalization import check_images
from jaxgan.nn.resample import Taps, normalize, upfirdn
from jaxgan.nn.weights import Initializer, Weight, per_channel

RESAMPLE = (None, "up", "down")


def resampled_conv(
    x: Array,
    w: Array,
    resample: str | None = None,
    taps: Taps = (1, 3, 3, 1),
    *,
    implementation: str = "canonical",
) -> Array:
    """Convolution joined with FIR up- or downsampling by two (Karras et al. 2020, appendix B).

    Equals zero insertion, then FIR, then convolution ('up'), or FIR, then convolution, then every
    second pixel ('down'), with zeros around the image once. Upsampling is computed as a transposed
    convolution followed by the filter, which commute, so that no zero is multiplied.

    Args:
      x: [B, H, W, C].
      w: [k, k, C, O] with odd k.
      resample: None, 'up' or 'down'; 'down' needs even H and W.
      taps: the filter, normalized here.
      implementation: 'canonical' or 'stock', see `conv`.

    Returns:
      [B, H, W, O], [B, 2 H, 2 W, O] or [B, H / 2, W / 2, O].

    Raises:
      ValueError: for a wrong rank or channel count, an even or oblong kernel, an odd size to halve,
        or an unknown ``resample``.
    """
    check_images(x)
    if w.ndim != 4 or w.shape[0] != w.shape[1] or w.shape[0] % 2 == 0:
        raise ValueError(f"w must be [k, k, C, O] with odd k, got shape {w.shape}")
    if w.shape[2] != x.shape[3]:
        raise ValueError(f"w must have the channels of x {x.shape}, got shape {w.shape}")
    if resample not in RESAMPLE:
        raise ValueError(f"resample must be one of {RESAMPLE}, got {resample!r}")
    k, n = w.shape[0], len(taps)
    if resample is None:
        return conv(x, w, implementation=implementation)
    if resample == "down":
        if x.shape[1] % 2 or x.shape[2] % 2:
            raise ValueError(f"resample 'down' needs x of even height and width, got {x.shape}")
        pad = ((n - 1) // 2 + k // 2, (n - 2) // 2 + k // 2)
        x = upfirdn(x, normalize(taps), pad=pad)
        return conv(x, w, 2, "VALID", implementation=implementation)
    H, W = x.shape[1:3]
    size = (2 * (H - 1) + k, 2 * (W - 1) + k)
    # Reversed, since the adjoint of a convolution reverses its kernel once more.
    transposed = w[::-1, ::-1].swapaxes(2, 3)
    y = conv_transpose(x, transposed, 2, "VALID", size, implementation=implementation)
    before = (n + 1) // 2 + k // 2 - (k - 1)
    return upfirdn(y, normalize(taps, 2), pad=(before, n - k - before + 1))


def modulated_conv(
    x: Array,
    w: Array,
    style: Array,
    demodulate: bool = True,
    resample: str | None = None,
    taps: Taps = (1, 3, 3, 1),
    *,
    epsilon: float = 1e-8,
    implementation: str = "canonical",
) -> Array:
    """Convolution with a kernel scaled per image and renormalized (Karras et al. 2020, eq. 1 to 3).

    ``w' = style * w`` over input channels, ``w'' = w' / sqrt(sum w'^2 + epsilon)`` over all but the
    output channels. Computed as scaling the input, one convolution shared by the batch, and scaling
    the output, which is equal and keeps one kernel for the batch.

    Args:
      x: [B, H, W, C].
      w: [k, k, C, O] with odd k.
      style: [B, C].
      demodulate: whether to apply eq. 3; StyleGAN2 does but for its output layers.
      resample: None, 'up' or 'down', see `resampled_conv`.
      taps: of the FIR filter.
      epsilon: added to the sum of squares, inside the root.
      implementation: 'canonical' or 'stock', see `conv`.

    Returns:
      [B, H', W', O] in the common dtype of ``x`` and ``w``; the factors are computed in float32.

    Raises:
      ValueError: for a style of wrong shape, and as `resampled_conv`.
    """
    check_images(x)
    if style.shape != (x.shape[0], x.shape[-1]):
        raise ValueError(f"style must be [B, C] of x {x.shape}, got {style.shape}")
    s = style.astype(jnp.promote_types(style.dtype, jnp.float32))
    y = (x * s[:, None, None].astype(x.dtype)).astype(x.dtype)
    y = resampled_conv(y, w, resample, taps, implementation=implementation)
    if demodulate:
        squares = jnp.sum(w.astype(s.dtype) ** 2, axis=(0, 1))
        factor = jax.lax.rsqrt(jnp.matmul(s**2, squares, precision="highest") + epsilon)
        y = y * factor[:, None, None].astype(y.dtype)
    return y


class ModulatedConv(nn.Module):
    """A modulated convolution with the affine map from w to its style (Karras et al. 2020).

    Parameters are ``kernel`` [k, k, C, features], the map ``style`` with a bias that starts at 1,
    and ``bias`` [features].

    Attributes:
      features: number of output channels.
      kernel_size: odd.
      demodulate: whether to normalize the kernel after modulation.
      resample: None, 'up' or 'down'.
      taps: of the FIR filter.
      use_bias: whether to add a bias per channel.
      kernel_init: initializer of the kernel, where ``weight`` uses one.
      dtype: of the convolution; that of the input and the parameters together when None.
      implementation: 'canonical' or 'stock', see `conv`.
      weight: how parameters are made; StyleGAN2's equalized learning rate unless told otherwise.
    """

    features: int
    kernel_size: int = 3
    demodulate: bool = True
    resample: str | None = None
    taps: Taps = (1, 3, 3, 1)
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = None
    implementation: str = "canonical"
    weight: Weight = EqualizedLR()

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Convolve ``x`` [B, H, W, C] under ``w`` [B, D]."""
        if self.features < 1:
            raise ValueError(f"features must be positive, got {self.features}")
        C, k = x.shape[-1], self.kernel_size
        if k < 1 or k % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive, got {k}")
        if w.ndim != 2:
            raise ValueError(f"w must be [B, D], got shape {w.shape}")
        affine = Dense(C, bias_init=nn.initializers.ones_init(), weight=self.weight, name="style")
        style = affine(w.astype(jnp.float32))
        shape = (k, k, C, self.features)
        kernel = self.weight(self, "kernel", self.kernel_init, shape, k * k * C)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = modulated_conv(
            x,
            kernel,
            style,
            self.demodulate,
            self.resample,
            self.taps,
            implementation=self.implementation,
        )
        if self.use_bias:
            zeros = nn.initializers.zeros_init()
            bias = self.weight(self, "bias", zeros, (self.features,), None)
            y = y + per_channel(bias.astype(y.dtype), y)
        return y
