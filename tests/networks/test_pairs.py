"""Discriminators of pairs: their layers written out, and what of a pair they see."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import dcgan, pair_dcgan, pair_mlp
from jaxgan.nn import blocks

X = jax.random.normal(jax.random.key(1), (3, 8, 8, 2))
Z = jax.random.normal(jax.random.key(2), (3, 5))


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def dense(params, x, name):
    return x @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"])


def made(network):
    variables = jax.jit(lambda k: network.init(k, X, Z, train=False))(jax.random.key(0))
    # Biases other than 0.
    params = jax.tree.map(lambda w: w + 0.1, variables["params"])
    return {**variables, "params": params}, network.apply(
        {**variables, "params": params}, X, Z, train=False
    )


def test_the_dense_one_sees_both_from_the_first_layer_on():
    variables, found = made(pair_mlp.Discriminator((7, 6)))
    params = variables["params"]
    h = np.concatenate([np.asarray(X, np.float64).reshape(3, -1), Z], axis=1)
    for name in ("Dense_0", "Dense_1"):
        h = leaky(dense(params, h, name))
    np.testing.assert_allclose(found.features, h, rtol=1e-4)
    np.testing.assert_allclose(found.logits, dense(params, h, "logits")[:, 0], rtol=1e-4)


class Trunk(nn.Module):
    """DCGAN's convolutions alone."""

    width: int = 4
    max_width: int = 512
    kernel_size: int = 4
    normalization: str = "none"
    dtype: str = "float32"
    convolution: str = "canonical"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x):
        return dcgan.down(self, x, 2, 0.2, blocks.weight("plain", False), False)


def test_the_convolutional_one_joins_what_it_has_of_each():
    variables, found = made(pair_dcgan.Discriminator(width=4, features=6, normalization="none"))
    params = variables["params"]
    convolutions = {name: params[name] for name in params if name.startswith("Conv")}
    x = Trunk().apply({"params": convolutions}, X).reshape(3, -1)
    z = leaky(dense(params, np.asarray(Z, np.float64), "Dense_0"))
    h = leaky(dense(params, np.concatenate([x, z], axis=1), "Dense_1"))
    np.testing.assert_allclose(found.features, h, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.logits, dense(params, h, "logits")[:, 0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        pair_mlp.Discriminator((4, 4), batch_norm=True, weight="spectral"),
        pair_dcgan.Discriminator(width=4, features=4, weight="spectral"),
    ],
)
def test_spectral_and_normalized_forms_tell_pairs_apart(network):
    variables = jax.jit(lambda k: network.init(k, X, Z, train=False))(jax.random.key(0))
    kept = list(set(variables) - {"params"})
    assert len(kept) == 2  # spectral vectors, batch statistics

    @jax.jit
    def judge(x, z):
        return network.apply(variables, x, z, train=True, mutable=kept)[0].logits

    first = judge(X, Z)
    assert first.shape == (3,)
    assert first.dtype == jnp.float32
    for x, z in ((X, jnp.roll(Z, 1, axis=0)), (jnp.roll(X, 1, axis=0), Z)):
        assert (first != judge(x, z)).all()
