"""Three mutually adjoint convolutions, whose gradients of any order stay canonical and fast."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxgan.nn.resample import strided_slice

Pair = tuple[int, int]

# On a CPU a convolution over the batch as feature runs at a tenth to a half of the speed of a
# product of matrices; these are for channels from so many on, and more pixels of all images.
CHANNELS = 16
PIXELS = 2048
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


Operator = Callable[[Array, Array, Geometry], Array]

# The three operators are the three partial derivatives of one trilinear form
# <g, C(x, w)> = <x, T(g, w)> = <w, W(x, g)>, so the derivatives of each are the other two.
# Each is written with the canonical dimension order and explicit transposes because XLA's CPU
# backend runs any other order as naive loops inside a `lax.scan`, and because the derivative that
# JAX takes of a transposed convolution is a convolution with a window of the image's size.


def stock_strided(x: Array, w: Array, geometry: Geometry) -> Array:
    """C(x, w): the strided convolution."""
    return lax.conv_general_dilated(
        x, w, geometry.strides, geometry.padding, dimension_numbers=_LAYOUT
    )


def stock_adjoint_input(g: Array, w: Array, geometry: Geometry) -> Array:
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


def _adjoint_kernel(x: Array, g: Array, geometry: Geometry) -> Array:
    """W(x, g): the adjoint of C in w."""
    convolved = partial(_by_convolution, geometry=geometry)
    few = min(x.shape[-1], g.shape[-1]) < CHANNELS or math.prod(g.shape[:3]) <= PIXELS
    if geometry.strides != (1, 1) or few:
        return convolved(x, g)
    products = partial(_by_products, geometry=geometry)
    return lax.platform_dependent(x, g, cpu=products, default=convolved)


def _by_products(x: Array, g: Array, geometry: Geometry) -> Array:
    """W(x, g) of strides 1 as products of matrices, one for each row of the kernel."""
    (kh, kw), height = geometry.kernel_size, geometry.output_size[0]
    (above, _), (left, _) = geometry.padding
    # Where the kernel's column j lies on the input's column u, the output's is u - j + left.
    columns = [strided_slice(g, 2, left - j, 1, geometry.input_size[1]) for j in range(kw)]
    right = jnp.concatenate(columns, axis=-1).reshape(-1, kw * g.shape[-1])
    rows = [strided_slice(x, 1, i - above, 1, height) for i in range(kh)]
    kernel = jnp.stack([row.reshape(-1, x.shape[-1]).T @ right for row in rows])
    return kernel.reshape(kh, x.shape[-1], kw, g.shape[-1]).transpose(0, 2, 1, 3)


def _by_convolution(x: Array, g: Array, geometry: Geometry) -> Array:
    """W(x, g) as a convolution of x with g over the batch as feature."""
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


def _mappable(operator: Operator) -> Operator:
    """The operator with a `vmap` over both operands (many seeds) that is fast on CPU too.

    JAX turns it into a grouped convolution, which XLA's CPU backend runs several times slower than
    the convolutions one after another; there it becomes a loop.
    """

    def mappable(a: Array, b: Array, geometry: Geometry) -> Array:
        @jax.custom_batching.custom_vmap
        def one(a: Array, b: Array) -> Array:
            return operator(a, b, geometry)

        @one.def_vmap
        def rule(_: int, batched: list[bool], a: Array, b: Array) -> tuple[Array, bool]:
            axes = tuple(0 if flag else None for flag in batched)
            grouped = jax.vmap(lambda a, b: operator(a, b, geometry), axes)
            if not all(batched):
                return grouped(a, b), True

            def loop(a: Array, b: Array) -> Array:
                return lax.map(lambda pair: mappable(pair[0], pair[1], geometry), (a, b))

            return lax.platform_dependent(a, b, cpu=loop, default=grouped), True

        return one(a, b)

    return mappable


strided = jax.custom_vjp(_mappable(stock_strided), nondiff_argnums=(2,))
adjoint_input = jax.custom_vjp(_mappable(stock_adjoint_input), nondiff_argnums=(2,))
adjoint_kernel = jax.custom_vjp(_mappable(_adjoint_kernel), nondiff_argnums=(2,))

# The forward rules return the wrapped operators, so that a gradient of a gradient meets them too.
strided.defvjp(
    lambda x, w, geometry: (strided(x, w, geometry), (x, w)),
    lambda geometry, xw, g: (
        adjoint_input(g, xw[1], geometry),
        adjoint_kernel(xw[0], g, geometry),
    ),
)
adjoint_input.defvjp(
    lambda g, w, geometry: (adjoint_input(g, w, geometry), (g, w)),
    lambda geometry, gw, x: (
        strided(x, gw[1], geometry),
        adjoint_kernel(x, gw[0], geometry),
    ),
)
adjoint_kernel.defvjp(
    lambda x, g, geometry: (adjoint_kernel(x, g, geometry), (x, g)),
    lambda geometry, xg, w: (
        adjoint_input(xg[1], w, geometry),
        strided(xg[0], w, geometry),
    ),
)
