"""The arguments of a convolution: what each may be, and the sizes that they come to."""

from collections.abc import Sequence
from operator import index
from typing import Any

import jax
from jax import Array

from jaxgan.nn.operators import Geometry, Pair

Padding = str | int | Sequence[Pair]

IMPLEMENTATIONS = ("canonical", "stock")


def resolve(
    size: tuple[int, ...], w: Array | jax.ShapeDtypeStruct, strides: Any, padding: Any
) -> Geometry:
    """Resolve the arguments of a convolution of images of ``size``.

    Raises:
      ValueError: naming the one that is wrong.
    """
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
    """``value`` as two integers of at least ``least``.

    Raises:
      ValueError: if it is not one integer or two, or one is less.
    """
    try:
        a, b = value if isinstance(value, Sequence) else (value, value)
        a, b = index(a), index(b)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be one integer or two, got {value!r}") from None
    if min(a, b) < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return a, b


def check_operands(a: str, x: Array, b: str, w: Array, axes: Pair) -> None:
    """Both have four axes, and agree on the length of the axis that they share.

    Raises:
      ValueError: if not.
    """
    if x.ndim != 4 or w.ndim != 4 or x.shape[axes[0]] != w.shape[axes[1]]:
        raise ValueError(
            f"{a} and {b} must have 4 axes and agree on axis {axes[0]} of {a} and {axes[1]} of "
            f"{b}, got {x.shape} and {w.shape}"
        )


def check_implementation(implementation: str) -> None:
    """Refuses a name that is none of ``IMPLEMENTATIONS``.

    Raises:
      ValueError: naming them.
    """
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"implementation must be one of {IMPLEMENTATIONS}, got {implementation!r}")
