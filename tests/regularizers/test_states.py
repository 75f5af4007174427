"""Path length, LeCam, consistency and weight penalties against PyTorch and closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan import regularizers


def array(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights(seed=0):
    return {"kernel": 0.5 * array(seed, (3, 3, 2, 3)), "out": 0.5 * array(seed + 9, (3,))}


# Path length


def test_path_length_equals_pytorch():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3, 4 * 4 * 2)).astype(np.float32)
    latents = rng.standard_normal((4, 2, 3)).astype(np.float32)  # [B, K, L]
    key = jax.random.key(1)
    mean, decay = np.float32(0.7), 0.25

    def generate(matrix, w):
        return jnp.tanh(w[:, 0] @ matrix + 0.5 * w[:, 1] @ matrix).reshape(-1, 4, 4, 2)

    def penalty(matrix):
        return regularizers.path_length(partial(generate, matrix), latents, key, mean, decay=decay)

    (value, new_mean), grad = jax.jit(jax.value_and_grad(penalty, has_aux=True))(matrix)

    y = np.stack([jax.random.normal(jax.random.fold_in(key, i), (4, 4, 2)) for i in range(4)]) / 4
    m = torch.tensor(matrix, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(latents, dtype=torch.float64, requires_grad=True)
    out = torch.tanh(w[:, 0] @ m + 0.5 * w[:, 1] @ m).reshape(-1, 4, 4, 2)
    (g,) = torch.autograd.grad((out * torch.tensor(y)).sum(), w, create_graph=True)
    lengths = g.square().sum(2).mean(1).sqrt()
    a = (mean + decay * (lengths.mean() - mean)).detach()
    expected = (lengths - a).square().mean()
    (expected_grad,) = torch.autograd.grad(expected, m)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-5)
    np.testing.assert_allclose(new_mean, a.item(), rtol=1e-5)
    np.testing.assert_allclose(grad, expected_grad.numpy(), rtol=1e-5, atol=1e-6)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000))
def test_path_length_of_an_orthogonal_map_is_that_of_the_noise(seed):
    orthogonal, _ = np.linalg.qr(array(seed, (18, 18)))
    generate = lambda w: (w @ orthogonal).reshape(-1, 3, 3, 2)  # noqa: E731
    key = jax.random.key(seed)
    y = np.stack([jax.random.normal(jax.random.fold_in(key, i), (18,)) for i in range(4)])
    for latents in (array(seed, (4, 18)), np.zeros((4, 18), np.float32)):
        lengths = regularizers.path_lengths(generate, latents, key)
        np.testing.assert_allclose(lengths, np.linalg.norm(y, axis=1) / 3, rtol=1e-5)


def test_path_length_mean_settles_on_the_length():
    generate = lambda w: w.reshape(-1, 2, 2, 1)  # noqa: E731
    mean, latents = regularizers.path_length_init(), jnp.zeros((64, 4))
    step = jax.jit(
        lambda mean, key: regularizers.path_length(generate, latents, key, mean, decay=0.1)
    )
    for key in jax.random.split(jax.random.key(0), 80):
        _, mean = step(mean, key)
    expected = np.sqrt(2) * 1.329340 / 2  # E|y| in four dimensions, over sqrt(H W)
    np.testing.assert_allclose(mean, expected, rtol=0.05)


# On the discriminator's outputs


def test_lecam_equals_the_paper_and_the_code():
    real, fake = array(0, (4, 3, 3, 1)), array(1, (4, 3, 3, 1))
    state = regularizers.lecam_init(0.3, -0.2)
    r, f = real.astype(np.float64), fake.astype(np.float64)
    paper = np.mean((r + 0.2) ** 2) + np.mean((f - 0.3) ** 2)
    code = np.mean(np.maximum(r + 0.2, 0) ** 2) + np.mean(np.maximum(0.3 - f, 0) ** 2)
    np.testing.assert_allclose(regularizers.lecam(real, fake, state), paper, rtol=1e-5)
    np.testing.assert_allclose(
        regularizers.lecam(real, fake, state, one_sided=True), code, rtol=1e-5
    )
    grads = jax.grad(regularizers.lecam, (0, 1))(real, fake, state)
    np.testing.assert_allclose(grads[0], 2 * (r + 0.2) / r.size, rtol=1e-5)
    np.testing.assert_allclose(grads[1], 2 * (f - 0.3) / f.size, rtol=1e-5)
    one_sided = partial(regularizers.lecam, one_sided=True)
    grads = jax.grad(one_sided, (0, 1))(real, fake, state)
    np.testing.assert_allclose(grads[0], 2 * np.maximum(r + 0.2, 0) / r.size, rtol=1e-5)
    np.testing.assert_allclose(grads[1], -2 * np.maximum(0.3 - f, 0) / f.size, rtol=1e-5)


def test_lecam_averages():
    real, fake = array(0, (8,)), array(1, (8,))
    state = regularizers.lecam_update(regularizers.lecam_init(1.0, 2.0), real, fake, decay=0.9)
    expected = 0.9 + 0.1 * real.mean(), 1.8 + 0.1 * fake.mean()
    np.testing.assert_allclose(state, expected, rtol=1e-5)
    follow = regularizers.lecam_update(state, real, fake, decay=jnp.float32(0))
    np.testing.assert_allclose(follow, (real.mean(), fake.mean()), rtol=1e-5)
    gradient = jax.grad(lambda r: regularizers.lecam_update(state, r, fake).real)(real)
    assert not gradient.any()


def test_consistency_family():
    a, b, c, d = (array(i, (4, 3, 3, 1)) for i in range(4))
    square = lambda x, y: np.mean((x.astype(np.float64) - y) ** 2)  # noqa: E731
    np.testing.assert_allclose(regularizers.consistency(a, b), square(a, b), rtol=1e-5)
    np.testing.assert_allclose(
        regularizers.balanced_consistency(a, b, c, d), square(a, b) + square(c, d), rtol=1e-5
    )
    np.testing.assert_allclose(
        regularizers.latent_consistency_discriminator(a, b), square(a, b), rtol=1e-5
    )
    np.testing.assert_allclose(
        regularizers.latent_consistency_generator(a, b), -square(a, b), rtol=1e-5
    )
    first, second = 2 * (a - b) / a.size, 2 * (c - d) / c.size
    for function, args, expected in (
        (regularizers.consistency, (a, b), (first, -first)),
        (regularizers.balanced_consistency, (a, b, c, d), (first, -first, second, -second)),
        (regularizers.latent_consistency_discriminator, (a, b), (first, -first)),
        (regularizers.latent_consistency_generator, (a, b), (-first, first)),
    ):
        grads = jax.grad(function, tuple(range(len(args))))(*args)
        for grad, e in zip(grads, expected, strict=True):
            np.testing.assert_allclose(grad, e, rtol=1e-5, atol=1e-8)


def test_bfloat16_gives_float32_arithmetic():
    def everything(a, b, params):
        state = regularizers.lecam_update(regularizers.lecam_init(0.3, -0.2), a, b)
        history = regularizers.historical_average_init(jax.tree.map(lambda x: 2 * x, params))
        vectors = regularizers.spectral_init(jax.random.key(0), params)
        return {
            "lecam": regularizers.lecam(a, b, state),
            "consistency": regularizers.consistency(a, b),
            "balanced": regularizers.balanced_consistency(a, b, b, a),
            "latent_d": regularizers.latent_consistency_discriminator(a, b),
            "latent_g": regularizers.latent_consistency_generator(a, b),
            "orthogonal": regularizers.orthogonal(params),
            "spectral": regularizers.spectral(params, vectors)[0],
            "historical_average": regularizers.historical_average(params, history),
            "global_norm": regularizers.global_norm(params),
        }

    low = jax.tree.map(
        lambda x: jnp.asarray(x, jnp.bfloat16), (array(0, (64,)), array(1, (64,)), weights())
    )
    expected = jax.jit(everything)(*jax.tree.map(lambda x: x.astype(jnp.float32), low))
    for name, value in jax.jit(everything)(*low).items():
        assert value.dtype == jnp.float32, name
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)


def test_perturbed_latents_have_the_standard_deviation():
    z = jnp.ones((2000, 4))
    noise = regularizers.perturb_latents(jax.random.key(0), z, sigma=0.03) - z
    np.testing.assert_allclose(noise.std(), 0.03, rtol=0.05)


# On weights


def test_weight_clip():
    params = {"a": jnp.array([-2.0, 0.005, 3.0]), "b": jnp.array([0.5], jnp.bfloat16)}
    clipped = regularizers.weight_clip(params, 0.01)
    np.testing.assert_allclose(clipped["a"], [-0.01, 0.005, 0.01])
    assert clipped["b"].dtype == jnp.bfloat16


@pytest.mark.parametrize("diagonal", [False, True])
def test_orthogonal_equals_pytorch(diagonal):
    params = {**weights(), "dense": array(3, (4, 7))}  # biases and scales are left alone
    tensors = [
        torch.tensor(params[k].reshape(-1, params[k].shape[-1]), dtype=torch.float64)
        for k in ("kernel", "dense")
    ]
    value = 0
    for w in tensors:
        w.requires_grad_()
        gram = w.T @ w
        eye = torch.eye(len(gram))
        value = value + ((gram - eye) if diagonal else gram * (1 - eye)).square().sum()
    expected = torch.autograd.grad(value, tensors)
    function = partial(regularizers.orthogonal, diagonal=diagonal)
    actual, grads = jax.value_and_grad(function)(params)
    np.testing.assert_allclose(actual, value.item(), rtol=1e-5)
    for name, e in zip(("kernel", "dense"), expected, strict=True):
        np.testing.assert_allclose(
            grads[name].reshape(e.shape), e.numpy(), rtol=1e-5, atol=1e-4 * e.abs().max()
        )
    assert not grads["out"].any()


def test_orthogonal_columns_cost_nothing():
    q, _ = np.linalg.qr(array(0, (8, 5)))
    assert regularizers.orthogonal(q, diagonal=True) < 1e-10
    assert regularizers.orthogonal(3 * q) < 1e-10  # norms are free without the diagonal
    assert regularizers.orthogonal(3 * q, diagonal=True) > 1


def test_spectral_equals_the_singular_value():
    params = {
        "dense": array(0, (6, 4)),
        "kernel": array(1, (3, 3, 2, 5)),
        "bias": array(2, (4,)),
    }
    state = regularizers.spectral_init(jax.random.key(0), params)
    function = partial(regularizers.spectral, iterations=1)
    step = jax.jit(jax.value_and_grad(function, has_aux=True))
    for _ in range(200):  # warm: each call goes on where the last one stopped
        (value, state), grads = step(params, state)
    expected = 0.0
    for name in ("dense", "kernel"):
        matrix = params[name].reshape(-1, params[name].shape[-1]).astype(np.float64)
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        expected += s[0] ** 2
        gradient = 2 * s[0] * np.outer(u[:, 0], v[0])
        np.testing.assert_allclose(grads[name].reshape(matrix.shape), gradient, atol=2e-4)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert not grads["bias"].any()


def test_spectral_takes_the_power_iteration_as_constant():
    matrix, cold = array(0, (6, 4)), array(1, (4,))
    cold /= np.linalg.norm(cold)
    v = matrix @ cold / np.linalg.norm(matrix @ cold)
    u = v @ matrix / np.linalg.norm(v @ matrix)
    sigma = v @ matrix @ u
    (value, (new,)), grad = jax.value_and_grad(regularizers.spectral, has_aux=True)(matrix, (cold,))
    np.testing.assert_allclose(value, sigma**2, rtol=1e-5)
    np.testing.assert_allclose(new, u, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(grad, 2 * sigma * np.outer(v, u), rtol=1e-5, atol=1e-5)


def test_historical_average_is_the_mean_of_all_steps():
    history = [weights(i) for i in range(5)]
    state = regularizers.historical_average_init(history[0])
    assert regularizers.historical_average(history[0], state) == 0
    for params in history[1:]:
        state = regularizers.historical_average_update(state, params)
    mean = jax.tree.map(lambda *x: np.mean(x, axis=0), *history)
    expected = sum(np.sum((history[0][k] - mean[k]) ** 2.0) for k in mean)
    value, grads = jax.value_and_grad(regularizers.historical_average)(history[0], state)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for k, grad in grads.items():
        np.testing.assert_allclose(grad, 2 * (history[0][k] - mean[k]), rtol=1e-4, atol=1e-6)


def test_global_norm():
    tree = {"a": jnp.array([3.0, 0.0]), "b": [jnp.array(4.0, jnp.bfloat16)]}
    assert regularizers.global_norm(tree) == 5
    assert regularizers.global_norm({}) == 0
