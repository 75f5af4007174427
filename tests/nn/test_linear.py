"""Dense and embedding layers against Linen's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.nn import Dense, Embed, EqualizedLR, SpectralNorm, plain
from tests.nn.reference import assert_close, normal, value_and_gradients

KEY = jax.random.key(0)


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_dense_equals_linens(dtype):
    x = normal(1, 2, 3, 5)
    ours, linens = Dense(7, dtype=dtype), nn.Dense(7, dtype=dtype)
    variables = ours.init(KEY, x)
    assert_close(variables, linens.init(KEY, x), 0.0)
    assert_close(ours.apply(variables, x), linens.apply(variables, x), 1e-6)
    if dtype is None:
        params = {"kernel": variables["params"]["kernel"], "bias": normal(2, 7)}
        got, want = (
            value_and_gradients(lambda x, p, layer=layer: layer.apply({"params": p}, x), x, params)
            for layer in (ours, linens)
        )
        assert_close(got, want, 1e-6)


def test_embed_equals_linens():
    labels = jnp.array([[0, 4], [2, 2]])
    init = nn.initializers.normal(1.0)
    ours, linens = Embed(5, 3), nn.Embed(5, 3, embedding_init=init)
    variables = ours.init(KEY, labels)
    assert_close(variables, linens.init(KEY, labels), 0.0)
    assert_close(ours.apply(variables, labels), linens.apply(variables, labels), 0.0)
    got, want = (
        value_and_gradients(
            lambda t, layer=layer: layer.apply({"params": {"embedding": t}}, labels),
            variables["params"]["embedding"],
        )
        for layer in (ours, linens)
    )
    assert_close(got, want, 1e-6)
    assert Embed(5, 3, dtype=jnp.bfloat16).apply(variables, labels).dtype == jnp.bfloat16


def test_a_label_out_of_range_is_nan():
    variables = {"params": {"embedding": normal(1, 5, 3)}}
    rows = Embed(5, 3).apply(variables, jnp.array([-1, 0, 4, 5, -6]))
    assert jnp.isnan(rows).all(axis=1).tolist() == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("features", lambda: Dense(0).init(KEY, jnp.zeros((2, 3)))),
        ("num_embeddings", lambda: Embed(0, 3).init(KEY, jnp.zeros(2, int))),
        ("fan_in", lambda: Embed(4, 3, fan_in=0).init(KEY, jnp.zeros(2, int))),
        ("labels", lambda: Embed(4, 3).init(KEY, jnp.zeros(2))),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=argument):
        call()


@pytest.mark.parametrize(
    "weight", [plain, SpectralNorm(update_stats=False), EqualizedLR(lr_multiplier=0.1)]
)
def test_mixtures_are_sums_of_rows(weight):
    layer = Embed(5, 3, weight=weight)
    labels = jnp.arange(5)
    variables = layer.init(jax.random.key(0), labels)
    rows = np.asarray(layer.apply(variables, labels), np.float64)
    shares = np.random.default_rng(0).dirichlet(np.ones(5), 7)
    found = layer.apply(variables, jnp.asarray(shares, jnp.float32))
    np.testing.assert_allclose(found, shares @ rows, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        layer.apply(variables, jnp.eye(5)), layer.apply(variables, labels)
    )
    with pytest.raises(ValueError, match="labels must be integers"):
        layer.apply(variables, jnp.ones((2, 4)))
