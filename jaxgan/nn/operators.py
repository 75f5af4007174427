"""Three mutually adjoint convolutions, whose gradients of any order stay canonical and fast."""

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from flax import linen as nn
from jax import Array, lax

Pair = tuple[int, int]
Padding = str | int | Sequence[Pair]

IMPLEMENTATIONS = ("canonical", "stock")
_LAYOUT = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """The sizes that fix one strided convolution and its two adjoints, per spatial axis."""

    input_size: Pair
    kernel_size: Pair
    strides: Pair
    padding: tuple[Pair, Pair]

    @property
    def output_size(self) -> Pair:
        """Spatial size of the strided convolution's output."""
        sizes = zip(self.input_size, self.kernel_size, self.strides, self.padding, strict=True)
        h, w = (max((n + low + high - k) // s + 1, 0) for n, k, s, (low, high) in sizes)
        return h, w


# The three operators are the three partial derivatives of one trilinear form
# <g, C(x, w)> = <x, T(g, w)> = <w, W(x, g)>, so the derivatives of each are the other two.
# Each is written with the canonical dimension order and explicit transposes because XLA's CPU
# backend runs any other order as naive loops inside a `lax.scan`, and because the derivative that
# JAX takes of a transposed convolution is a convolution with a window of the image's size.


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _strided(x: Array, w: Array, geometry: Geometry) -> Array:
    """C(x, w): the strided convolution."""
    return lax.conv_general_dilated(
        x, w, geometry.strides, geometry.padding, dimension_numbers=_LAYOUT
    )


def _stock_adjoint_input(g: Array, w: Array, geometry: Geometry) -> Array:
    """T(g, w): the adjoint of C in x, a transposed convolution."""
    padding = []
    for n, k, s, (low, _), m in zip(*geometry, g.shape[1:3], strict=True):
        before = k - 1 - low
        padding.append((before, n + k - 2 - (m - 1) * s - before))
    # The reversal comes last: XLA's GPU backend looks for it to find its backward-data kernel.
    kernel = lax.rev(w.transpose(0, 1, 3, 2), (0, 1))
    return lax.conv_general_dilated(
        g, kernel, (1, 1), padding, lhs_dilation=geometry.strides, dimension_numbers=_LAYOUT
    )


_adjoint_input = jax.custom_vjp(_stock_adjoint_input, nondiff_argnums=(2,))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _adjoint_kernel(x: Array, g: Array, geometry: Geometry) -> Array:
    """W(x, g): the adjoint of C in w, a convolution of x with g over the batch as feature."""
    padding = []
    for n, k, s, (low, _), m in zip(*geometry, g.shape[1:3], strict=True):
        padding.append((low, k + (m - 1) * s - n - low))
    kernel = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        g.transpose(1, 2, 0, 3),
        (1, 1),
        padding,
        rhs_dilation=geometry.strides,
        dimension_numbers=_LAYOUT,
    )
    return kernel.transpose(1, 2, 0, 3)


# The forward rules return the wrapped operators, so that a gradient of a gradient meets them too.
_strided.defvjp(
    lambda x, w, geometry: (_strided(x, w, geometry), (x, w)),
    lambda geometry, xw, g: (
        _adjoint_input(g, xw[1], geometry),
        _adjoint_kernel(xw[0], g, geometry),
    ),
)
_adjoint_input.defvjp(
    lambda g, w, geometry: (_adjoint_input(g, w, geometry), (g, w)),
    lambda geometry, gw, x: (
        _strided(x, gw[1], geometry),
        _adjoint_kernel(x, gw[0], geometry),
    ),
)
_adjoint_kernel.defvjp(
    lambda x, g, geometry: (_adjoint_kernel(x, g, geometry), (x, g)),
    lambda geometry, xg, w: (
        _adjoint_input(xg[1], w, geometry),
        _strided(xg[0], w, geometry),
    ),
)


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
    geometry = _geometry(x.shape[1:3], w, strides, padding)
    _check_operands("x", x, "w", w, (3, 2))
    _check_implementation(implementation)
    x, w = _common(x, w)
    if implementation == "stock":
        return lax.conv_general_dilated(
            x, w, geometry.strides, geometry.padding, dimension_numbers=_LAYOUT
        )
    return _strided(x, w, geometry)


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
    geometry = _geometry(pair("output_size", output_size, 1), w, strides, padding)
    _check_operands("g", g, "w", w, (3, 3))
    _check_implementation(implementation)
    if geometry.output_size != g.shape[1:3]:
        raise ValueError(
            f"output_size {output_size} is mapped to {geometry.output_size} by the convolution, "
            f"but g is {g.shape[1:3]}; with padding {padding!r} and strides {strides} pass an "
            f"output_size that is mapped to the size of g"
        )
    g, w = _common(g, w)
    transposed = _stock_adjoint_input if implementation == "stock" else _adjoint_input
    return transposed(g, w, geometry)


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
    geometry = _geometry(x.shape[1:3], kernel, strides, padding)
    _check_operands("x", x, "g", g, (0, 0))
    if geometry.output_size != g.shape[1:3]:
        raise ValueError(f"g must be of size {geometry.output_size}, got {g.shape[1:3]}")
    return _adjoint_kernel(*_common(x, g), geometry)


def _geometry(
    size: tuple[int, ...], w: Array | jax.ShapeDtypeStruct, strides: Any, padding: Any
) -> Geometry:
    """Resolve the arguments of a convolution of images of ``size``, or say which one is wrong."""
    if len(w.shape) != 4 or len(size) != 2:
        raise ValueError(f"images and w must have 4 axes, w has shape {w.shape}")
    kernel, stride = (w.shape[0], w.shape[1]), pair("strides", strides, 1)
    if padding == "SAME":
        # As lax: the output is ceil(n / s) long, and the odd pixel of padding goes after the image.
        total = [
            max((-(-n // s) - 1) * s + k - n, 0)
            for n, k, s in zip(size, kernel, stride, strict=True)
        ]
        (top, bottom), (left, right) = ((t // 2, t - t // 2) for t in total)
    elif padding == "VALID":
        top = bottom = left = right = 0
    elif isinstance(padding, str):
        raise ValueError(f"padding must be 'SAME', 'VALID', an integer or pairs, got {padding!r}")
    elif isinstance(padding, Sequence):
        if len(padding) != 2:
            raise ValueError(f"padding must have one pair per spatial axis, got {padding!r}")
        (top, bottom), (left, right) = (pair("padding", p, 0) for p in padding)
    else:
        top, bottom = left, right = pair("padding", padding, 0)
    geometry = Geometry((size[0], size[1]), kernel, stride, ((top, bottom), (left, right)))
    if 0 in geometry.output_size:
        raise ValueError(
            f"padding {padding!r} leaves images of size {size} smaller than the kernel {kernel}"
        )
    return geometry


def pair(name: str, value: Any, least: int) -> Pair:
    """``value`` as two integers of at least ``least``."""
    try:
        a, b = value if isinstance(value, Sequence) else (value, value)
        a, b = operator.index(a), operator.index(b)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be one integer or two, got {value!r}") from None
    if min(a, b) < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return a, b


def _check_operands(a: str, x: Array, b: str, w: Array, axes: Pair) -> None:
    """Both have four axes, and agree on the length of the axis that they share."""
    if x.ndim != 4 or w.ndim != 4 or x.shape[axes[0]] != w.shape[axes[1]]:
        raise ValueError(
            f"{a} and {b} must have 4 axes and agree on axis {axes[0]} of {a} and {axes[1]} of "
            f"{b}, got {x.shape} and {w.shape}"
        )


def _check_implementation(implementation: str) -> None:
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"implementation must be one of {IMPLEMENTATIONS}, got {implementation!r}")


def _common(x: Array, w: Array) -> tuple[Array, Array]:
    """Both operands in one dtype and, inside `shard_map`, varying over the same mesh axes."""
    x, w = nn.dtypes.promote_dtype(x, w)
    # Weights are shared by the devices and images are not. Marking them here, outside the custom
    # derivative, makes JAX sum their gradient over the devices as it does for every other operator.
    axes = _varying_axes(x) | _varying_axes(w)
    return _varying(x, axes), _varying(w, axes)


def _varying_axes(x: Array) -> frozenset:
    """The mesh axes over which ``x`` varies; empty outside a `shard_map` that checks."""
    return jax.typeof(x).manual_axis_type.varying


def _varying(x: Array, axes: frozenset) -> Array:
    missing = tuple(sorted(axes - _varying_axes(x)))
    return lax.pcast(x, missing, to="varying") if missing else x
