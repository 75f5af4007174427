"""Convolutions as functions and layers whose gradients of any order stay canonical and fast."""

import math
from typing import Any

import jax
from flax import linen as nn
from jax import Array, lax

from jaxgan.nn.arguments import Padding, check_implementation, check_operands, pair, resolve
from jaxgan.nn.operators import (
    Pair,
    adjoint_input,
    adjoint_kernel,
    stock_adjoint_input,
    stock_strided,
    strided,
)
from jaxgan.nn.weights import Initializer, Weight, per_channel, plain


def conv(
    x: Array,
    w: Array,
    strides: int | Pair = 1,
    padding: Padding = "SAME",
    *,
    implementation: str = "canonical",
) -> Array:
    """Strided convolution C(x, w), the cross-correlation that networks call a convolution.

    Reverse-mode derivatives of any order are themselves single canonical convolutions. There is
    no forward mode (`jax.jvp`) unless ``implementation='stock'``.

    Args:
      x: images [B, H, W, C].
      w: kernel [kh, kw, C, O].
      strides: one positive integer, or one per spatial axis.
      padding: 'SAME', 'VALID', one integer for every side, or ((top, bottom), (left, right)).
      implementation: 'canonical', or 'stock' for `lax.conv_general_dilated` and its own gradients.

    Returns:
      [B, H', W', O], in the common dtype of ``x`` and ``w``.

    Raises:
      ValueError: for a wrong rank, channel count, stride, padding or implementation.
    """
    geometry = resolve(x.shape[1:3], w, strides, padding)
    check_operands("x", x, "w", w, (3, 2))
    check_implementation(implementation)
    x, w = _common(x, w)
    operator = strided if implementation == "canonical" else stock_strided
    return operator(x, w, geometry)


def conv_transpose(
    g: Array,
    w: Array,
    strides: int | Pair = 1,
    padding: Padding = "SAME",
    output_size: Pair | None = None,
    *,
    implementation: str = "canonical",
) -> Array:
    """Transposed convolution T(g, w): the exact adjoint in x of `conv` with the same arguments.

    ``<conv(x, w), g> == <x, conv_transpose(g, w, output_size=x.shape[1:3])>`` for every x.

    Args:
      g: images [B, H', W', O].
      w: the kernel of the convolution that this transposes, [kh, kw, C, O]: note the order.
      strides: as for `conv`.
      padding: as for `conv`: that of the convolution being transposed.
      output_size: (H, W) such that a convolution maps it to (H', W'); (H', W') times the strides
        when None, which 'SAME' always admits.
      implementation: 'canonical', or 'stock' for the dilated `lax.conv_general_dilated` and its own
        gradients.

    Returns:
      [B, H, W, C], in the common dtype of ``g`` and ``w``.

    Raises:
      ValueError: for a wrong rank, channel count, stride, padding or implementation, and for an
        ``output_size`` that the convolution does not map to the size of ``g``.
    """
    if output_size is None:
        s = pair("strides", strides, 1)
        output_size = (g.shape[1] * s[0], g.shape[2] * s[1])
    geometry = resolve(pair("output_size", output_size, 1), w, strides, padding)
    check_operands("g", g, "w", w, (3, 3))
    check_implementation(implementation)
    if geometry.output_size != g.shape[1:3]:
        raise ValueError(
            f"output_size {output_size} is mapped to {geometry.output_size} by the convolution, "
            f"but g is {g.shape[1:3]}; with padding {padding!r} and strides {strides} pass an "
            f"output_size that is mapped to the size of g"
        )
    g, w = _common(g, w)
    operator = adjoint_input if implementation == "canonical" else stock_adjoint_input
    return operator(g, w, geometry)


def conv_kernel_gradient(
    x: Array,
    g: Array,
    kernel_size: int | Pair,
    strides: int | Pair = 1,
    padding: Padding = "SAME",
) -> Array:
    """W(x, g): the exact adjoint in w of `conv`, the gradient of its kernel.

    ``<conv(x, w), g> == <w, conv_kernel_gradient(x, g, w.shape[:2])>`` for every w.

    Args:
      x: images [B, H, W, C].
      g: images [B, H', W', O], of the size to which the convolution maps ``x``.
      kernel_size: one integer, or (kh, kw).
      strides: as for `conv`.
      padding: as for `conv`.

    Returns:
      [kh, kw, C, O], in the common dtype of ``x`` and ``g``.

    Raises:
      ValueError: for a wrong rank, batch size, stride or padding, and for a ``g`` of wrong size.
    """
    kernel = jax.ShapeDtypeStruct((*pair("kernel_size", kernel_size, 1), 1, 1), x.dtype)
    geometry = resolve(x.shape[1:3], kernel, strides, padding)
    check_operands("x", x, "g", g, (0, 0))
    if geometry.output_size != g.shape[1:3]:
        raise ValueError(f"g must be of size {geometry.output_size}, got {g.shape[1:3]}")
    return adjoint_kernel(*_common(x, g), geometry)


def _kernel_shape(x: Array, kernel_size: Any, features: int) -> tuple[int, int, int, int]:
    """Shape of a kernel [kh, kw, C, features], once its sizes are known to be right."""
    if features < 1:
        raise ValueError(f"features must be positive, got {features}")
    if x.ndim != 4:
        raise ValueError(f"x must be [B, H, W, C], got shape {x.shape}")
    return (*pair("kernel_size", kernel_size, 1), x.shape[-1], features)


def _common(x: Array, w: Array) -> tuple[Array, Array]:
    """Both operands in one dtype and, inside `shard_map`, varying over the same mesh axes."""
    x, w = nn.dtypes.promote_dtype(x, w)
    # Weights are shared by the devices and images are not. Marking them here, outside the custom
    # derivative, makes JAX sum their gradient over the devices as it does for every other operator.
    axes = varying_axes(x) | varying_axes(w)
    return _varying(x, axes), _varying(w, axes)


def varying_axes(x: Array) -> frozenset:
    """The mesh axes over which ``x`` varies; empty outside a `shard_map` that checks."""
    return jax.typeof(x).manual_axis_type.varying


def _varying(x: Array, axes: frozenset) -> Array:
    missing = tuple(sorted(axes - varying_axes(x)))
    return lax.pcast(x, missing, to="varying") if missing else x


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
            y = y + per_channel(bias.astype(y.dtype), y)
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
            y = y + per_channel(bias.astype(y.dtype), y)
        return y
