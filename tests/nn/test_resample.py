"""FIR filtering and resampling against PyTorch, from the definition of upfirdn2d."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from jaxgan.nn import (
    blur,
    downsample,
    downsample_mean,
    pixel_shuffle,
    upfirdn,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)


def torch_upfirdn(x, taps, up, down, pad):
    """Insert zeros, pad or crop, convolve with the outer product, keep every down-th: NCHW."""
    B, C, H, W = x.shape
    x = functional.pad(x.reshape(B, C, H, 1, W, 1), [0, up - 1, 0, 0, 0, up - 1])
    x = functional.pad(x.reshape(B, C, H * up, W * up), [pad[0], pad[1], pad[0], pad[1]])
    taps = torch.tensor(taps, dtype=torch.float64)
    kernel = torch.outer(taps, taps).flip([0, 1]).expand(C, 1, -1, -1)
    return functional.conv2d(x, kernel, groups=C)[:, :, ::down, ::down]


ASYMMETRIC = (0.2, 0.5, 0.1, -0.3, 0.7)


@pytest.mark.parametrize(
    ("taps", "up", "down", "pad"),
    [
        (ASYMMETRIC, 1, 1, (0, 0)),
        (ASYMMETRIC, 2, 1, (3, 1)),
        (ASYMMETRIC, 3, 1, (0, 4)),
        (ASYMMETRIC, 1, 2, (2, 3)),
        (ASYMMETRIC, 2, 3, (1, 2)),
        (ASYMMETRIC, 3, 2, (4, 4)),
        (ASYMMETRIC, 2, 2, (-1, 6)),
        (ASYMMETRIC[:2], 4, 1, (2, -3)),
        ((1.0,), 3, 1, (0, 0)),
    ],
)
def test_upfirdn_is_torchs_in_value_and_gradient(taps, up, down, pad):
    x = normal(1, 2, 5, 6, 3)
    got = value_and_gradients(lambda x: upfirdn(x, taps, up, down, pad), x)
    want = torch_value_and_gradients(lambda x: nhwc(torch_upfirdn(nchw(x), taps, up, down, pad)), x)
    assert_close(got, want)


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1), (1, 1)])
def test_blur_upsample_downsample_are_stylegans(taps):
    x = normal(1, 2, 6, 8, 3)
    n, total = len(taps), sum(taps)
    unit = [t / total for t in taps]
    double = [2 * t / total for t in taps]
    cases = [
        (lambda x: blur(x, taps), unit, 1, 1, (n // 2, (n - 1) // 2)),
        (lambda x: upsample(x, 2, taps), double, 2, 1, ((n + 1) // 2, (n - 2) // 2)),
        (lambda x: downsample(x, 2, taps), unit, 1, 2, ((n - 1) // 2, (n - 2) // 2)),
    ]
    for function, *arguments in cases:
        want = nhwc(torch_upfirdn(nchw(torch.tensor(np.asarray(x)).double()), *arguments))
        assert_close(jax.jit(function)(x), jnp.asarray(want.numpy(), jnp.float32))


def test_constants_stay_constant_inside():
    x = jnp.ones((1, 8, 8, 1))
    for y in jax.jit(lambda x: (blur(x), upsample(x), downsample(x)))(x):
        np.testing.assert_allclose(y[:, 2:-2, 2:-2], 1.0, rtol=1e-6)


@pytest.mark.parametrize("function", [blur, upsample, downsample, downsample_mean])
def test_bfloat16_is_rounded_only_at_the_end(function):
    x = normal(1, 2, 16, 16, 8, dtype=jnp.bfloat16)
    got, full = jax.jit(lambda x: (function(x), function(x.astype(jnp.float32))))(x)
    assert got.dtype == jnp.bfloat16
    assert_close(got, full.astype(jnp.bfloat16), 0.0)


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (upsample_nearest, lambda x: functional.interpolate(x, scale_factor=2, mode="nearest")),
        (downsample_mean, lambda x: functional.avg_pool2d(x, 2)),
        (
            upsample_bilinear,
            lambda x: functional.interpolate(
                x, scale_factor=2, mode="bilinear", align_corners=False
            ),
        ),
    ],
)
def test_they_have_torchs_values_and_gradients(function, reference):
    x = normal(1, 2, 4, 6, 3)
    want = torch_value_and_gradients(lambda x: nhwc(reference(nchw(x))), x)
    assert_close(value_and_gradients(function, x), want)


def test_nearest_and_mean_are_torchs():
    x = normal(1, 2, 4, 6, 3)
    t = nchw(torch.tensor(np.asarray(x)))
    nearest = nhwc(functional.interpolate(t, scale_factor=3, mode="nearest"))
    assert_close(upsample_nearest(x, 3), jnp.asarray(nearest.numpy()), 0.0)
    mean = nhwc(functional.avg_pool2d(t, 2))
    assert_close(downsample_mean(x, 2), jnp.asarray(mean.numpy()), 1e-6)
    assert_close(downsample_mean(upsample_nearest(x, 2), 2), x, 1e-6)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_channels_become_the_pixels_that_torch_makes_of_them(factor):
    x = normal(0, 2, 3, 4, 2 * factor**2)
    want = torch.nn.PixelShuffle(factor)(nchw(torch.tensor(np.asarray(x))))
    assert_close(pixel_shuffle(x, factor), jnp.asarray(nhwc(want).numpy()), 0.0)


X = jnp.zeros((2, 6, 6, 3))


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda: upfirdn(X[0], (1.0,))),
        ("up", lambda: upfirdn(X, (1.0,), up=0)),
        ("down", lambda: upfirdn(X, (1.0,), down=0)),
        ("taps", lambda: upfirdn(X, ())),
        ("pad", lambda: upfirdn(X, (1.0,) * 9)),
        ("taps", lambda: blur(X, (1.0, -1.0))),
        ("factor", lambda: downsample(X, 4)),
        ("factor", lambda: downsample_mean(X, 5)),
        ("factor", lambda: upsample_nearest(X, 0)),
        ("factor", lambda: upsample(X, 0)),
        ("factor", lambda: pixel_shuffle(X, 0)),
        ("factor", lambda: pixel_shuffle(X, 2)),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
