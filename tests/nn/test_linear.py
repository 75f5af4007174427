"""Dense and embedding layers against Linen's."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxgan.nn import Dense, Embed
from tests.nn.reference import assert_close, normal

KEY = jax.random.key(0)


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_dense_equals_linens(dtype):
    x = normal(1, 2, 3, 5)
    ours, linens = Dense(7, dtype=dtype), nn.Dense(7, dtype=dtype)
    variables = ours.init(KEY, x)
    assert_close(variables, linens.init(KEY, x), 0.0)
    assert_close(ours.apply(variables, x), linens.apply(variables, x), 1e-6)


def test_embed_equals_linens():
    labels = jnp.array([[0, 4], [2, 2]])
    init = nn.initializers.normal(1.0)
    ours, linens = Embed(5, 3), nn.Embed(5, 3, embedding_init=init)
    variables = ours.init(KEY, labels)
    assert_close(variables, linens.init(KEY, labels), 0.0)
    assert_close(ours.apply(variables, labels), linens.apply(variables, labels), 0.0)
    assert Embed(5, 3, dtype=jnp.bfloat16).apply(variables, labels).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("features", lambda: Dense(0).init(KEY, jnp.zeros((2, 3)))),
        ("num_embeddings", lambda: Embed(0, 3).init(KEY, jnp.zeros(2, int))),
        ("labels", lambda: Embed(4, 3).init(KEY, jnp.zeros(2))),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=argument):
        call()
