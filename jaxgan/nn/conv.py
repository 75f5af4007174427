"""Convolution layers over the three adjoint operators of `jaxgan.nn.operators`."""

import math
from typing import Any

from flax import linen as nn
from jax import Array

from jaxgan.nn.operators import Padding, Pair, conv, conv_kernel_gradient, conv_transpose, pair
from jaxgan.nn.weights import Initializer, Weight, plain

__all__ = ["Conv", "ConvTranspose", "conv", "conv_kernel_gradient", "conv_transpose"]


class Conv(nn.Module):
    """Strided convolution with an optional bias: [B, H, W, C] to [B, H', W', features].

    Parameters are ``kernel`` [kh, kw, C, features] and ``bias`` [features], in float32.

    Attributes:
      features: number of output channels.
      kernel_size: one integer, or (kh, kw).
      strides: one integer, or one per spatial axis.
      padding: 'SAME', 'VALID', one integer for every side, or ((top, bottom), (left, right)).
      use_bias: whether to add a bias per channel.
      kernel_init: initializer of the kernel.
      bias_init: initializer of the bias.
      dtype: of the computation; that of the input and the parameters together when None.
      implementation: 'canonical' or 'stock', see `conv`.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    features: int
    kernel_size: int | Pair = 3
    strides: int | Pair = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    implementation: str = "canonical"
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve ``x`` [B, H, W, C]."""
        shape = _kernel_shape(x, self.kernel_size, self.features)
        kernel = self.weight(self, "kernel", self.kernel_init, shape, math.prod(shape[:3]))
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = conv(x, kernel, self.strides, self.padding, implementation=self.implementation)
        if self.use_bias:
            bias = self.weight(self, "bias", self.bias_init, (self.features,), None)
            y = y + bias.astype(y.dtype)
        return y


class ConvTranspose(nn.Module):
    """Transposed convolution: the adjoint of the `Conv` that maps the output's size to the input's.

    Parameters are ``kernel`` [kh, kw, C, features] and ``bias`` [features], in float32. The kernel
    has C of the input before the output's features, as `Conv` and so that initializers see the
    fans; spatially it lies as PyTorch's: ``kernel == weight.permute(2, 3, 0, 1)`` of a
    `torch.nn.ConvTranspose2d`. Linen's `ConvTranspose` lies reversed along both spatial axes.

    Attributes:
      features: number of output channels.
      kernel_size: one integer, or (kh, kw).
      strides: one integer, or one per spatial axis.
      padding: of the convolution being transposed: 'SAME', 'VALID', one integer for every side, or
        ((top, bottom), (left, right)).
      output_size: (H', W'); the input's size times the strides when None. Any size that the
        convolution maps to the input's, so 8 can become 15 as well as 16.
      use_bias: whether to add a bias per channel.
      kernel_init: initializer of the kernel.
      bias_init: initializer of the bias.
      dtype: of the computation; that of the input and the parameters together when None.
      implementation: 'canonical' or 'stock', see `conv`.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    features: int
    kernel_size: int | Pair = 4
    strides: int | Pair = 2
    padding: Padding = "SAME"
    output_size: Pair | None = None
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    implementation: str = "canonical"
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve ``x`` [B, H, W, C] into [B, H', W', features]."""
        shape = _kernel_shape(x, self.kernel_size, self.features)
        # Of the kernel's taps one in strides[0] * strides[1] meets a pixel, on average.
        fan_in = math.prod(shape[:3]) / math.prod(pair("strides", self.strides, 1))
        kernel = self.weight(self, "kernel", self.kernel_init, shape, fan_in)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = conv_transpose(
            x,
            kernel.swapaxes(2, 3),
            self.strides,
            self.padding,
            self.output_size,
            implementation=self.implementation,
        )
        if self.use_bias:
            bias = self.weight(self, "bias", self.bias_init, (self.features,), None)
            y = y + bias.astype(y.dtype)
        return y


def _kernel_shape(x: Array, kernel_size: Any, features: int) -> tuple[int, int, int, int]:
    """Shape of a kernel [kh, kw, C, features], once its sizes are known to be right."""
    if features < 1:
        raise ValueError(f"features must be positive, got {features}")
    if x.ndim != 4:
        raise ValueError(f"x must be [B, H, W, C], got shape {x.shape}")
    return (*pair("kernel_size", kernel_size, 1), x.shape[-1], features)
