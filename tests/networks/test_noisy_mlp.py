"""The dense networks of semi-supervised MNIST: weight norm, and noise where it belongs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.networks.noisy_mlp import WeightNormDense

X = jax.random.uniform(jax.random.key(0), (50, 4, 4, 1), minval=-1.0)
LENGTHS = np.array([0.5, 1, 2, 3, 4])


@pytest.mark.parametrize("learned", [True, False])
def test_weight_norm_is_a_direction_and_a_length(learned):
    layer = WeightNormDense(5, learned=learned)
    x = 3 + jax.random.normal(jax.random.key(2), (60, 4))
    variables = layer.init(jax.random.key(3), x)
    y = layer.apply(variables, x)
    np.testing.assert_allclose(y.mean(0), np.zeros(5), atol=1e-4)
    np.testing.assert_allclose(y.std(0), np.ones(5), rtol=1e-4)
    params = variables["params"]
    assert set(params) == {"kernel", "bias"} | ({"length"} if learned else set())
    assert set(variables) == {"params"} | (set() if learned else {"lengths"})
    given = {"params": params | {"bias": jnp.arange(5.0)}}
    where = given["params"] if learned else given.setdefault("lengths", {})
    where["length"] = jnp.asarray(LENGTHS)
    v = np.asarray(params["kernel"], np.float64)
    expected = np.asarray(x) @ (v / np.linalg.norm(v, axis=0) * LENGTHS) + np.arange(5)
    np.testing.assert_allclose(layer.apply(given, x), expected, rtol=1e-4, atol=1e-4)


def test_a_network_made_with_zeros_is_finite():
    layer = WeightNormDense(5)
    variables = layer.init(jax.random.key(3), jnp.zeros((2, 4)))
    np.testing.assert_array_equal(variables["lengths"]["length"], np.ones(5))
    np.testing.assert_array_equal(variables["params"]["bias"], np.zeros(5))


@pytest.mark.parametrize("gain", [0.0, 1.5])
def test_the_discriminator_against_numpy(gain):
    config = {"name": "noisy_mlp", "features": (7, 5), "input_noise": 0.3, "noise": 0.7}
    config["gain"] = gain
    module = networks.build("discriminator", config, needed={"heads": (("classes", 3),)})
    noise = np.asarray(jax.random.normal(jax.random.key(4), (50, module.noise_size((4, 4, 1)))))
    assert noise.shape == (50, 16 + 7 + 5)
    init = jax.jit(lambda k: module.init(k, X, jnp.asarray(noise), train=False))
    variables = init(jax.random.key(1))

    def dense(name, h):
        params = variables["params"][name]
        v = np.asarray(params["kernel"], np.float64)
        length = params.get("length", variables["lengths"].get(name, {}).get("length"))
        return h @ (np.asarray(length) * v / np.linalg.norm(v, axis=0)) + np.asarray(params["bias"])

    if gain:
        for layer in variables["lengths"].values():
            np.testing.assert_array_equal(layer["length"], np.float32(gain))
    for given in (jnp.asarray(noise), None):
        n = np.zeros_like(noise) if given is None else noise
        h = (np.asarray(X).reshape(50, 16) + 1) / 2 + 0.3 * n[:, :16]
        h = np.maximum(dense("WeightNormDense_0", h), 0) + 0.7 * n[:, 16:23]
        features = np.maximum(dense("WeightNormDense_1", h), 0)
        classes = dense("head_classes", features + 0.7 * n[:, 23:])
        if given is not None and not gain:
            np.testing.assert_allclose(classes.std(0), np.ones(3), rtol=1e-3)
        for train in (True, False):
            found = module.apply(variables, X, given, train=train)
            np.testing.assert_allclose(found.features, features, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(found.heads["classes"], classes, rtol=1e-3, atol=1e-4)
            assert found.logits.shape == (50,)


def test_the_generator_is_a_sigmoid_of_softplus_layers():
    config = {"name": "noisy_mlp", "features": (6,)}
    module = networks.build("generator", config, shape=(2, 2, 1))
    z = jax.random.normal(jax.random.key(5), (8, 3))
    init = jax.jit(lambda k: module.init(k, jnp.zeros((2, 3)), train=False))
    variables = init(jax.random.key(6))
    params = variables["params"]
    found, _ = module.apply(variables, z, train=True, mutable=["batch_stats"])
    h = np.asarray(z, np.float64) @ np.asarray(params["Dense_0"]["kernel"])
    h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
    last = params["WeightNormDense_0"]
    v = np.asarray(last["kernel"], np.float64)
    x = np.log1p(np.exp(h)) @ (v / np.linalg.norm(v, axis=0)) + np.asarray(last["bias"])
    np.testing.assert_array_equal(last["length"], np.ones(4))
    expected = 2 / (1 + np.exp(-x)) - 1
    np.testing.assert_allclose(found.reshape(8, 4), expected, rtol=1e-4, atol=1e-5)
