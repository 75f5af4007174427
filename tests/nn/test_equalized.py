"""Equalized learning rates: unit variance at the start, and a multiplier that only rescales."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.nn import Conv, ConvTranspose, Dense, Embed, EqualizedLR
from tests.nn.reference import assert_close, normal

LAYERS = {
    "dense": (lambda weight: Dense(512, weight=weight), (64, 256), 256),
    "conv": (lambda weight: Conv(256, 3, padding="VALID", weight=weight), (4, 10, 10, 64), 576),
    "transposed": (lambda weight: ConvTranspose(256, 4, 2, weight=weight), (4, 10, 10, 64), 256),
}


@pytest.mark.parametrize(
    ("name", "multiplier"), [("dense", 0.01), ("conv", 1.0), ("transposed", 3.0)]
)
def test_output_variance_is_one_at_init(name, multiplier):
    make, shape, _ = LAYERS[name]
    initialize = jax.jit(make(EqualizedLR(lr_multiplier=multiplier)).init_with_output)

    @settings(max_examples=5, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 1000))
    def check(seed):
        y, variables = initialize(jax.random.key(seed), normal(seed, *shape))
        if name == "transposed":
            y = y[:, 2:-2, 2:-2]  # fewer taps meet at the border
        assert abs(np.var(y) - 1) < 0.05
        assert abs(np.std(variables["params"]["kernel"]) * multiplier - 1) < 0.02

    check()


def test_embedding_rows_have_unit_variance():
    layer = Embed(100, 64, weight=EqualizedLR())
    y = layer.init_with_output(jax.random.key(0), jnp.arange(100))[0]
    assert abs(y.var() - 1) < 0.05


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_equals_the_equation_in_value_and_gradient(name):
    make, shape, fan_in = LAYERS[name]
    x, gain, multiplier = normal(1, 2, *shape[1:]), 2**0.5, 0.1
    plain, equal = make(nn_plain), make(EqualizedLR(gain, multiplier))
    variables = jax.jit(equal.init)(jax.random.key(0), x)
    bias = normal(2, *variables["params"]["bias"].shape)
    params = {"kernel": variables["params"]["kernel"], "bias": bias}
    scale = {"kernel": gain * multiplier / math.sqrt(fan_in), "bias": multiplier}

    def gradient(layer, params):
        return jax.jit(jax.value_and_grad(lambda p: jnp.sum(layer.apply({"params": p}, x) ** 2)))(
            params
        )

    value, gradients = gradient(equal, params)
    want, want_gradients = gradient(plain, jax.tree.map(jnp.multiply, params, scale))
    assert_close(value, want)
    assert_close(gradients, jax.tree.map(jnp.multiply, want_gradients, scale))


def nn_plain(module, name, init, shape, fan_in):
    return module.param(name, init, shape, jnp.float32)


def test_bias_starts_as_its_initializer_says():
    weight = EqualizedLR(lr_multiplier=0.01)
    layer = Dense(3, bias_init=nn.initializers.ones_init(), weight=weight)
    y, variables = layer.init_with_output(jax.random.key(0), jnp.zeros((2, 4)))
    np.testing.assert_allclose(y, 1.0, rtol=1e-6)
    np.testing.assert_allclose(variables["params"]["bias"], 100.0, rtol=1e-6)


@pytest.mark.parametrize(
    "arguments", [{"gain": 0.0}, {"lr_multiplier": -1.0}, {"gain": float("nan")}]
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        EqualizedLR(**arguments)
