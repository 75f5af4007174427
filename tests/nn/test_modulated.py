"""Modulated and resampled convolutions against PyTorch's grouped convolutions, kernel by kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from torch.nn import functional

from jaxgan.nn import EqualizedLR, ModulatedConv, modulated_conv, resampled_conv
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)
from tests.nn.test_resample import torch_upfirdn

TAPS = (1, 3, 3, 1)


def torch_resampled(x, w, resample, taps, groups=1):
    """StyleGAN2's conv2d_resample by its definition: FIR with all the padding, then convolution."""
    n, half = len(taps), w.shape[-1] // 2
    unit = [t / sum(taps) for t in taps]
    if resample == "up":
        pad = ((n + 1) // 2 + half, (n - 2) // 2 + half)
        x = torch_upfirdn(x, [2 * t for t in unit], 2, 1, pad)
        return functional.conv2d(x, w, groups=groups)
    if resample == "down":
        x = torch_upfirdn(x, unit, 1, 1, ((n - 1) // 2 + half, (n - 2) // 2 + half))
        return functional.conv2d(x, w, stride=2, groups=groups)
    return functional.conv2d(x, w, padding=half, groups=groups)


def torch_modulated(x, w, style, demodulate, resample, taps):
    """Eq. 1 to 3 of Karras et al. 2020 literally, with a kernel for each image."""
    B, H, W, C = x.shape
    w = w.permute(3, 2, 0, 1)[None] * style[:, None, :, None, None]
    if demodulate:
        w = w / (w**2).sum(dim=(2, 3, 4), keepdim=True).add(1e-8).sqrt()
    x = nchw(x).reshape(1, B * C, H, W)
    y = torch_resampled(x, w.reshape(-1, *w.shape[2:]), resample, taps, groups=B)
    return nhwc(y.reshape(B, -1, *y.shape[2:]))


@pytest.mark.parametrize("resample", [None, "up", "down"])
@pytest.mark.parametrize(("kernel", "taps"), [(3, TAPS), (1, TAPS), (5, (1, 2, 1)), (3, (1, 1))])
def test_resampled_conv_is_the_definition(resample, kernel, taps):
    x, w = normal(1, 2, 6, 4, 3), normal(2, kernel, kernel, 3, 5)
    got = value_and_gradients(lambda x, w: resampled_conv(x, w, resample, taps), x, w)
    want = torch_value_and_gradients(
        lambda x, w: nhwc(torch_resampled(nchw(x), w.permute(3, 2, 0, 1), resample, taps)), x, w
    )
    assert_close(got, want)


@pytest.mark.parametrize("resample", [None, "up", "down"])
@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_conv_is_the_equations(demodulate, resample):
    x, w, style = normal(1, 3, 4, 6, 5), normal(2, 3, 3, 5, 7), normal(3, 3, 5)
    got = value_and_gradients(
        lambda *a: modulated_conv(*a, demodulate=demodulate, resample=resample), x, w, style
    )
    want = torch_value_and_gradients(
        lambda *a: torch_modulated(*a, demodulate, resample, TAPS), x, w, style
    )
    assert_close(got, want)


def test_demodulated_output_has_unit_variance_whatever_the_style():
    x, w = normal(1, 4, 16, 16, 64), normal(2, 3, 3, 64, 64)
    y = jax.jit(modulated_conv)(x, w, 100 * normal(3, 4, 64))
    np.testing.assert_allclose(y[:, 1:-1, 1:-1].var(axis=(1, 2, 3)), 1.0, atol=0.15)


def test_layer_is_its_function():
    x, latent, key = normal(1, 2, 4, 4, 5), normal(2, 2, 6), jax.random.key(0)
    layer = ModulatedConv(7, resample="up")
    params = {
        "kernel": normal(3, 3, 3, 5, 7),
        "bias": normal(4, 7),
        "style": {"kernel": normal(5, 6, 5), "bias": normal(6, 5)},
    }
    found = jax.eval_shape(layer.init, key, x, latent)["params"]
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, params)

    @jax.jit
    def both(params):
        style = latent @ params["style"]["kernel"] / 6**0.5 + params["style"]["bias"]
        y = modulated_conv(x, params["kernel"] / 45**0.5, style, resample="up") + params["bias"]
        return layer.apply({"params": params}, x, latent), y

    assert_close(*both(params))
    low = ModulatedConv(7, dtype=jnp.bfloat16, weight=EqualizedLR())
    assert jax.eval_shape(low.apply, {"params": params}, x, latent).dtype == jnp.bfloat16


def test_style_starts_at_one():
    variables = ModulatedConv(7, weight=constant).init(jax.random.key(0), X, S)
    np.testing.assert_array_equal(variables["params"]["style"]["bias"], 1.0)


def constant(module, name, init, shape, fan_in):
    """Saves the compilation of a random kernel."""
    init = init if name == "bias" else nn.initializers.ones_init()
    return module.param(name, init, shape, jnp.float32)


X, W, S = jnp.zeros((2, 6, 6, 3)), jnp.zeros((3, 3, 3, 4)), jnp.zeros((2, 3))


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("w", lambda: resampled_conv(X, W[:2, :2])),
        ("w", lambda: resampled_conv(X, W[:1])),
        ("w must have the channels", lambda: resampled_conv(X, W[:, :, :2], "up")),
        ("x must be", lambda: resampled_conv(X[0], W)),
        ("x", lambda: modulated_conv(X[:, 0], W, S)),
        ("resample", lambda: resampled_conv(X, W, "sideways")),
        ("x", lambda: resampled_conv(X[:, :5], W, "down")),
        ("style", lambda: modulated_conv(X, W, S[:1])),
        ("features", lambda: ModulatedConv(0).init(jax.random.key(0), X, S)),
        ("kernel_size", lambda: ModulatedConv(4, 2).init(jax.random.key(0), X, S)),
        ("w", lambda: ModulatedConv(4).init(jax.random.key(0), X, S[0])),
        ("implementation", lambda: modulated_conv(X, W, S, implementation="fast")),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()


def test_stock_equals_canonical():
    x, w, style = normal(1, 2, 4, 4, 5), normal(2, 3, 3, 5, 7), normal(3, 2, 5)
    got, want = (
        jax.jit(
            lambda *a, i=i: [
                modulated_conv(*a, resample=resample, implementation=i)
                for resample in (None, "up", "down")
            ]
        )(x, w, style)
        for i in ("canonical", "stock")
    )
    assert_close(got, want, 1e-6)
