"""Self-attention, projection head, noise injection and fade-in against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from jaxgan.nn import (
    EqualizedLR,
    NoiseInjection,
    ProjectionHead,
    SelfAttention,
    SpectralNorm,
    fade_in,
    sample_noise,
    sigmas,
)
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)

KEY = jax.random.key(0)
X = normal(1, 2, 4, 6, 16)
LABELS = jnp.array([0, 4, 4, 2])


def torch_attention(x, query, key, value, output, gamma, pool):
    """Pixels as rows, one softmax over the (pooled) pixels."""
    B, H, W, C = x.shape

    def rows(kernel, pooled):
        y = x @ kernel[0, 0]
        if pooled:
            y = nhwc(functional.max_pool2d(nchw(y), 2))
        return y.reshape(B, -1, y.shape[-1])

    q, k, v = rows(query, False), rows(key, pool), rows(value, pool)
    o = torch.softmax(q @ k.transpose(1, 2), dim=-1) @ v
    return x + gamma * (o @ output[0, 0]).reshape(B, H, W, C)


@pytest.mark.parametrize(("pool", "wide"), [(True, 8), (False, 2)])
def test_attention_is_the_equations(pool, wide):
    layer = SelfAttention(value_features=wide, pool=pool)
    names = ("query", "key", "value", "output")
    shapes = [(1, 1, 16, 2), (1, 1, 16, 2), (1, 1, 16, wide), (1, 1, wide, 16)]
    variables = jax.eval_shape(layer.init, KEY, X)
    found = variables["params"]
    assert [found[n]["kernel"].shape for n in names] == shapes

    def apply(x, *params):
        tree = {n: {"kernel": p} for n, p in zip(names, params, strict=False)}
        return layer.apply({"params": tree | {"gamma": params[-1]}}, x)

    args = (X, *(0.5 * normal(i, *s) for i, s in enumerate(shapes)), jnp.float32(0.7))
    want = torch_value_and_gradients(lambda *a: torch_attention(*a, pool), *args)
    assert_close(value_and_gradients(apply, *args), want)


def test_attention_starts_as_the_identity_and_takes_spectral_norm():
    y, _ = jax.jit(
        SelfAttention(dtype=jnp.bfloat16, kernel_init=nn.initializers.ones_init()).init_with_output
    )(KEY, X)
    assert_close(y, X, 0.0)
    normalized = jax.eval_shape(SelfAttention(weight=SpectralNorm()).init, KEY, X)
    assert set(sigmas(normalized)) == {"query", "key", "value", "output"}


def test_projection_head_is_the_equation():
    h = normal(1, 4, 6)
    layer = ProjectionHead(5)
    variables = jax.eval_shape(layer.init, KEY, h, LABELS)
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == {
        "linear": {"kernel": (6, 1), "bias": (1,)},
        "embedding": {"embedding": (5, 6)},
    }

    def apply(h, kernel, bias, table):
        params = {"linear": {"kernel": kernel, "bias": bias}, "embedding": {"embedding": table}}
        return layer.apply({"params": params}, h, LABELS)

    def reference(h, kernel, bias, table):
        one_hot = functional.one_hot(torch.tensor(np.asarray(LABELS)).long(), 5).double()
        return (h @ kernel + bias)[:, 0] + torch.einsum("bk,kc,bc->b", one_hot, table, h)

    args = (h, normal(2, 6, 1), normal(3, 1), normal(4, 5, 6))
    assert_close(value_and_gradients(apply, *args), torch_value_and_gradients(reference, *args))
    low = jax.eval_shape(ProjectionHead(5, dtype=jnp.bfloat16).apply, variables, h, LABELS)
    assert low.dtype == jnp.float32


def test_projection_head_of_packs_has_a_table_for_each_place():
    h, labels = normal(1, 2, 6), jnp.array([[4, 0, 4], [1, 3, 0]])
    logits, variables = ProjectionHead(5).init_with_output(KEY, h, labels)
    linear, table = (variables["params"][n] for n in ("linear", "embedding"))
    rows = np.asarray(table["embedding"]).reshape(3, 5, 6)
    own = np.stack([sum(rows[j, y] for j, y in enumerate(pack)) for pack in np.asarray(labels)])
    want = h @ linear["kernel"][:, 0] + linear["bias"] + (own * h).sum(-1)
    np.testing.assert_allclose(logits, want, rtol=1e-5)


def test_projection_head_under_an_equalized_learning_rate_starts_at_variance_one_each():
    h, labels = normal(1, 4096, 64), jnp.arange(4096) % 50
    head = ProjectionHead(50, weight=EqualizedLR())
    logits, variables = jax.jit(head.init_with_output)(KEY, h, labels)
    psi = h @ variables["params"]["linear"]["kernel"][:, 0] / 8
    # 50 rows of 64 numbers: the sample's own deviation from 1 is some 3 percent.
    np.testing.assert_allclose(jnp.var(logits - psi), 1.0, rtol=0.1)
    np.testing.assert_allclose(jnp.var(psi), 1.0, rtol=0.5)  # one vector of 64 numbers


@pytest.mark.parametrize("per_channel", [False, True])
def test_noise_injection(per_channel):
    layer, noise = NoiseInjection(per_channel), normal(2, 2, 4, 6, 1)
    variables = layer.init(KEY, X, noise)
    assert_close(layer.apply(variables, X, noise), X, 0.0)
    strength = normal(3, 16) if per_channel else jnp.float32(0.3)
    assert variables["params"]["strength"].shape == strength.shape
    got = value_and_gradients(
        lambda x, s: layer.apply({"params": {"strength": s}}, x, noise), X, strength
    )
    t = torch.tensor(np.asarray(noise, np.float64))
    assert_close(got, torch_value_and_gradients(lambda x, s: x + t * s, X, strength))


def test_noise_belongs_to_the_image_and_the_layer():
    @jax.jit
    def draw():
        keys = jax.random.split(KEY, 64)
        noise = sample_noise(keys, 8, 9)
        return noise, sample_noise(keys[5:7], 8, 9), sample_noise(keys, 8, 9, layer=1)

    noise, some, other = map(np.asarray, draw())
    assert noise.shape == (64, 8, 9, 1)
    np.testing.assert_array_equal(some, noise[5:7])
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.05


def test_fade_in_shares_the_gradient():
    got = value_and_gradients(fade_in, normal(1, 2, 3), normal(2, 2, 3), jnp.float32(0.3))
    want = torch_value_and_gradients(
        lambda old, new, alpha: old + alpha * (new - old),
        *(normal(1, 2, 3), normal(2, 2, 3), jnp.float32(0.3)),
    )
    assert_close(got, want)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(alpha=st.floats(0, 1, width=32))
def test_fade_in(alpha):
    old, new = normal(1, 2, 3), normal(2, 2, 3)
    np.testing.assert_allclose(fade_in(old, new, alpha), (1 - alpha) * old + alpha * new, rtol=1e-5)
    np.testing.assert_array_equal(fade_in(old, new, 0.0), old)
    np.testing.assert_array_equal(fade_in(old, new, jnp.float32(1.0)), new)
    low = fade_in(old.astype(jnp.bfloat16), new.astype(jnp.bfloat16), jnp.float32(alpha))
    assert low.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda: SelfAttention().init(KEY, X[0])),
        ("query_features", lambda: SelfAttention(query_features=0).init(KEY, X)),
        ("value_features", lambda: SelfAttention(value_features=-1).init(KEY, X)),
        ("pool", lambda: SelfAttention().init(KEY, X[:, :3])),
        ("h", lambda: ProjectionHead(5).init(KEY, X, LABELS)),
        ("labels", lambda: ProjectionHead(5).init(KEY, X[:, 0, 0], LABELS)),
        ("num_embeddings", lambda: ProjectionHead(0).init(KEY, X[0, :, 0], LABELS)),
        ("noise", lambda: NoiseInjection().init(KEY, X, X)),
        ("old", lambda: fade_in(X, X[:1], 0.5)),
        ("alpha", lambda: fade_in(X, X, 1.5)),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
