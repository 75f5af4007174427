"""Blurring and resampling with separable FIR filters, as sums of shifted images."""

import functools
import math
import operator
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxgan.nn.normalization import check_images

Taps = Sequence[float]


def upfirdn(
    x: Array, taps: Taps, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)
) -> Array:
    """Insert zeros, pad, convolve with ``taps`` along both axes, and keep every ``down``-th pixel.

    Equals StyleGAN2's ``upfirdn2d`` with the kernel ``outer(taps, taps)``. It is linear, made of
    slices and sums alone, so every derivative is of the same kind; zeros are never multiplied.

    Args:
      x: [B, H, W, C].
      taps: the filter, applied as given (see `normalize`); a convolution, so it is reversed.
      up: each pixel is followed by up - 1 zeros.
      down: one pixel of ``down`` is kept.
      pad: zeros before and after each axis, once zeros are inserted; negative crops.

    Returns:
      [B, (H * up + pad[0] + pad[1] - len(taps)) // down + 1, ..., C], in the dtype of ``x``, summed
      in float32.

    Raises:
      ValueError: for a wrong rank, factors that are not positive, no taps, or an empty result.
    """
    check_images(x)
    for name, value in (("up", up), ("down", down)):
        if value < 1:
            raise ValueError(f"{name} must be positive, got {value}")
    if not taps:
        raise ValueError("taps must not be empty")
    dtype = jnp.result_type(x, 1.0)
    y = x.astype(jnp.promote_types(dtype, jnp.float32))
    for axis in (1, 2):
        y = _upfirdn_axis(y, axis, taps, up, down, pad)
    return y.astype(dtype)


def _upfirdn_axis(
    x: Array, axis: int, taps: Taps, up: int, down: int, pad: tuple[int, int]
) -> Array:
    n, size = x.shape[axis], len(taps)
    length = (n * up + pad[0] + pad[1] - size) // down + 1
    if length < 1:
        raise ValueError(f"pad {pad} leaves {n * up} pixels shorter than the {size} taps")
    # Output m sums taps[size - 1 - t] * z[m * down + t - pad[0]] over t, where z has x's pixel i at
    # i * up and zeros elsewhere. Outputs that are equal modulo the period meet the same taps.
    period = up // math.gcd(up, down)
    step = down * period // up  # pixels of x between one output of a phase and its next
    phases = []
    for phase in range(period):
        count = -(-length // period)
        terms = []
        for t in range(size):
            position = phase * down + t - pad[0]
            if position % up == 0:
                shifted = strided_slice(x, axis, position // up, step, count)
                terms.append(float(taps[size - 1 - t]) * shifted)
        shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        phases.append(functools.reduce(operator.add, terms) if terms else jnp.zeros(shape, x.dtype))
    if period == 1:
        return phases[0]
    y = jnp.stack(phases, axis=axis + 1)
    y = y.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
    return lax.slice_in_dim(y, 0, length, axis=axis)


def strided_slice(x: Array, axis: int, start: int, step: int, count: int) -> Array:
    """``count`` pixels from ``start`` in steps, with zeros outside of ``x``."""
    last = start + (count - 1) * step
    before, after = max(-start, 0), max(last + 1 - x.shape[axis], 0)
    padding = [(0, 0, 0)] * x.ndim
    padding[axis] = (before, after, 0)
    x = lax.pad(x, jnp.zeros((), x.dtype), padding)
    return lax.slice_in_dim(x, start + before, last + before + 1, step, axis)


def normalize(taps: Taps, gain: float = 1.0) -> tuple[float, ...]:
    """``taps`` scaled to sum to ``gain``; they must not sum to zero."""
    total = float(np.sum(taps))
    if total == 0:
        raise ValueError(f"taps must not sum to zero, got {tuple(taps)}")
    return tuple(float(t) * gain / total for t in taps)


def blur(x: Array, taps: Taps = (1, 3, 3, 1)) -> Array:
    """Low-pass filter at the same size: [B, H, W, C] to [B, H, W, C] (Zhang 2019).

    ``taps`` are normalized to sum to 1. Of an even number of taps the longer side looks back.
    """
    n = len(taps)
    return upfirdn(x, normalize(taps), pad=(n // 2, (n - 1) // 2))


def upsample(x: Array, factor: int = 2, taps: Taps = (1, 3, 3, 1)) -> Array:
    """Upsample through a FIR filter: [B, H, W, C] to [B, H * factor, W * factor, C].

    As StyleGAN2 (Karras et al. 2020): zeros inserted, then ``taps`` with a gain of factor per
    axis, so that a constant image stays constant away from the border.
    """
    _check_factor(factor)
    pad = (len(taps) + factor - 1) // 2, (len(taps) - factor) // 2
    return upfirdn(x, normalize(taps, factor), up=factor, pad=pad)


def downsample(x: Array, factor: int = 2, taps: Taps = (1, 3, 3, 1)) -> Array:
    """Downsample through a FIR filter: [B, H, W, C] to [B, H // factor, W // factor, C].

    As StyleGAN2 (Karras et al. 2020): ``taps`` normalized to 1, then every factor-th pixel. H and W
    must be divisible by ``factor``.
    """
    _check_divisible(x, factor)
    pad = (len(taps) - factor + 1) // 2, (len(taps) - factor) // 2
    return upfirdn(x, normalize(taps), down=factor, pad=pad)


def upsample_nearest(x: Array, factor: int = 2) -> Array:
    """Repeat each pixel: [B, H, W, C] to [B, H * factor, W * factor, C]."""
    check_images(x)
    _check_factor(factor)
    B, H, W, C = x.shape
    y = jnp.broadcast_to(x[:, :, None, :, None], (B, H, factor, W, factor, C))
    return y.reshape(B, H * factor, W * factor, C)


def upsample_bilinear(x: Array) -> Array:
    """Twice the size, bilinearly: [B, H, W, C] to [B, 2H, 2W, C].

    As PyTorch's ``interpolate`` with ``align_corners=False``: the border is repeated, where
    `upsample` has zeros beyond it.
    """
    check_images(x)
    for axis in (1, 2):
        n = x.shape[axis]
        first, last = (lax.slice_in_dim(x, i, i + 1, axis=axis) for i in (0, n - 1))
        before = lax.concatenate([first, lax.slice_in_dim(x, 0, n - 1, axis=axis)], axis)
        after = lax.concatenate([lax.slice_in_dim(x, 1, n, axis=axis), last], axis)
        y = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        x = y.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return x


def pixel_shuffle(x: Array, factor: int = 2) -> Array:
    """Sub-pixels out of channels: [B, H, W, C * factor^2] to [B, H * factor, W * factor, C].

    Channel ``(c * factor + i) * factor + j`` becomes channel c of row i and column j within each
    square, as in PyTorch's ``PixelShuffle``. Shi et al. 2016, "Real-Time Single Image and Video
    Super-Resolution" (arXiv:1609.05158), eq. 4.

    Raises:
      ValueError: for a wrong rank, a factor that is not positive, or channels that its square does
        not divide.
    """
    check_images(x)
    _check_factor(factor)
    B, H, W, channels = x.shape
    if channels % factor**2:
        raise ValueError(
            f"factor {factor} needs channels in multiples of its square, got {channels}"
        )
    C = channels // factor**2
    y = x.reshape(B, H, W, C, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(B, H * factor, W * factor, C)


def downsample_mean(x: Array, factor: int = 2) -> Array:
    """Mean of each factor x factor square: [B, H, W, C] to [B, H // factor, W // factor, C]."""
    _check_divisible(x, factor)
    B, H, W, C = x.shape
    return x.reshape(B, H // factor, factor, W // factor, factor, C).mean(axis=(2, 4))


def _check_factor(factor: int) -> None:
    if factor < 1:
        raise ValueError(f"factor must be positive, got {factor}")


def _check_divisible(x: Array, factor: int) -> None:
    check_images(x)
    if factor < 1 or x.shape[1] % factor or x.shape[2] % factor:
        raise ValueError(f"factor must divide the height and width of x {x.shape}, got {factor}")
