"""Gradient penalties against PyTorch's double backward, and every penalty on several devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from torch.nn import functional

from jaxgan import regularizers
from jaxgan.base.draws import sample_keys

SHAPE = (4, 5, 5, 2)  # NHWC
# What is compiled here runs once: half the time to compile is worth more than speed.
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def images(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "kernel": (0.5 * rng.standard_normal((3, 3, 2, 3))).astype(np.float32),
        "out": (0.5 * rng.standard_normal(3)).astype(np.float32),
    }


def critic(params, x):
    """A convolution, a smooth bend, a linear map: logits of a map, as PatchGAN's."""
    y = jax.lax.conv_general_dilated(
        x, params["kernel"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return jnp.tanh(y) @ params["out"]


def torch_critic(params, x):
    y = functional.conv2d(x.permute(0, 3, 1, 2), params["kernel"].permute(3, 2, 0, 1))
    return torch.einsum("bchw,c->bhw", torch.tanh(y), params["out"])


def torch_norms(params, x):
    x = torch.tensor(np.asarray(x), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch_critic(params, x).sum(), x, create_graph=True)
    return gradient.flatten(1).norm(dim=1)


def torch_penalty(params, x, function):
    """The penalty at x and its gradient in the parameters, by double backward in float64."""
    tensors = {
        k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in params.items()
    }
    value = function(torch_norms(tensors, x)).mean()
    grads = torch.autograd.grad(value, list(tensors.values()))
    return value.item(), dict(zip(tensors, (g.numpy() for g in grads), strict=True))


def uniform(key, n):
    return np.asarray([jax.random.uniform(jax.random.fold_in(key, i)) for i in range(n)])


def compare(penalty, expected):
    """A function of the parameters against a value and a gradient."""
    value, grads = jit(jax.value_and_grad(penalty))(weights())
    assert value.dtype == jnp.float32
    assert value.shape == ()
    np.testing.assert_allclose(value, expected[0], rtol=1e-5)
    for name, grad in grads.items():
        scale = np.abs(expected[1][name]).max()
        np.testing.assert_allclose(grad, expected[1][name], rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("options", "function"),
    [
        ({}, lambda n: (n - 1) ** 2),
        ({"target": 2.5}, lambda n: (n - 2.5) ** 2),
        ({"target": 2.5, "one_sided": True}, lambda n: (n - 2.5).clamp(min=0) ** 2),
        ({"target": 0.0}, lambda n: n**2),
    ],
)
def test_gradient_penalty_equals_double_backward(options, function):
    real, fake, key = images(0), images(1), jax.random.key(3)
    mix = uniform(key, 4)[:, None, None, None]
    expected = torch_penalty(weights(), mix * real + (1 - mix) * fake, function)
    compare(
        lambda p: regularizers.gradient_penalty(partial(critic, p), real, fake, key, **options),
        expected,
    )


def test_one_sided_lets_smaller_norms_go():
    real, fake, key = images(0), images(1), jax.random.key(3)
    norms = regularizers.gradient_norms(partial(critic, weights()), real)
    assert norms.min() < 2.5 < norms.max()  # the parametrization above sees both sides
    small = regularizers.gradient_penalty(
        lambda x: 0.1 * x[:, 0, 0, 0], real, fake, key, one_sided=True
    )
    assert small == 0


def test_r1_and_r2_equal_double_backward():
    real = images(0)
    expected = torch_penalty(weights(), real, lambda n: n**2)
    compare(lambda p: regularizers.r1(partial(critic, p), real), expected)
    compare(lambda p: regularizers.r2(partial(critic, p), real), expected)


def test_r2_takes_generated_samples_as_data():
    gradient = jax.grad(lambda x: regularizers.r2(lambda x: jnp.sum(x**3, (1, 2, 3)), x))
    assert not gradient(images()).any()


def test_dragan_equals_double_backward():
    real, key = images(0), jax.random.key(5)
    pairs = [jax.random.split(jax.random.fold_in(key, i)) for i in range(4)]
    amount = np.asarray([jax.random.uniform(a) for a, _ in pairs])[:, None, None, None]
    noise = np.stack([jax.random.uniform(b, SHAPE[1:]) for _, b in pairs])
    x = real + amount * 0.5 * real.std() * noise
    expected = torch_penalty(weights(), x, lambda n: (n - 1) ** 2)
    compare(lambda p: regularizers.dragan(partial(critic, p), real, key), expected)


def test_norms_are_over_all_axes_of_a_sample():
    # An image whose gradient is 1 everywhere has the norm sqrt(H W C), not sqrt(C) or 1.
    total = lambda x: jnp.sum(x, axis=(1, 2, 3))  # noqa: E731
    expected = np.sqrt(5 * 5 * 2)
    np.testing.assert_allclose(regularizers.gradient_norms(total, images()), [expected] * 4)
    penalty = regularizers.gradient_penalty(total, images(0), images(1), jax.random.key(0))
    np.testing.assert_allclose(penalty, (expected - 1) ** 2, rtol=1e-6)
    np.testing.assert_allclose(regularizers.r1(total, images()), 50.0)


@settings(deadline=None, max_examples=12)
@given(target=st.floats(0.1, 10), seed=st.integers(0, 1000))
def test_a_penalty_is_zero_where_the_norm_is_the_target(target, seed):
    direction = images(seed, (12,))
    direction *= target / np.linalg.norm(direction)
    real, fake = images(seed + 1, (3, 12)), images(seed + 2, (3, 12))
    linear = lambda x: x @ direction  # noqa: E731
    key = jax.random.key(seed)
    for value in (
        regularizers.gradient_penalty(linear, real, fake, key, target=target),
        regularizers.dragan(linear, real, key, target=target),
    ):
        np.testing.assert_allclose(value, 0, atol=1e-11 * target**2 + 1e-11)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_flat_critic_has_a_finite_gradient(target):
    x, key = jnp.asarray(images()), jax.random.key(0)
    penalty = lambda w: regularizers.gradient_penalty(  # noqa: E731
        lambda x: w * jnp.sum(x**2, (1, 2, 3)), x, x, key, target=target
    )
    assert jnp.isfinite(jax.grad(penalty)(0.0))


def test_norms_have_a_gradient_at_zero():
    zeros = {"a": jnp.zeros((2, 3)), "b": jnp.zeros(3)}
    value, gradient = jax.value_and_grad(regularizers.global_norm)(zeros)
    assert (value, regularizers.global_norm({})) == (0, 0)
    assert not any(jnp.any(x != 0) for x in jax.tree.leaves(gradient))
    norms = lambda w: jnp.sum(  # noqa: E731
        regularizers.gradient_norms(lambda x: w * jnp.sum(x, (1, 2, 3)), jnp.asarray(images()))
    )
    assert jax.grad(norms)(0.0) == 0
    assert jnp.isnan(regularizers.global_norm(jnp.float32(jnp.nan))), "nan is no zero"


@pytest.mark.parametrize("raw", [False, True])
def test_one_key_is_split_by_place_in_the_batch(raw):
    real, fake = images(0), images(1)
    key = jax.random.PRNGKey(7) if raw else jax.random.key(7)
    keys = jnp.stack([jax.random.fold_in(key, i) for i in range(4)])
    args = partial(critic, weights()), real, fake
    one = regularizers.gradient_penalty(*args, key)
    np.testing.assert_array_equal(one, regularizers.gradient_penalty(*args, keys))
    # A sample keeps its draw whatever stands beside it.
    halves = [
        regularizers.gradient_penalty(args[0], real[i : i + 2], fake[i : i + 2], keys[i : i + 2])
        for i in (0, 2)
    ]
    np.testing.assert_allclose(one, np.mean(halves), rtol=1e-5)


def test_samples_draw_apart():
    draws = jax.vmap(jax.random.uniform)(sample_keys(jax.random.key(0), 64))
    assert len(np.unique(draws)) == 64


def test_bfloat16_critics_give_float32_penalties():
    params = jax.tree.map(lambda w: jnp.asarray(w, jnp.bfloat16), weights())
    low = lambda x: critic(params, x.astype(jnp.bfloat16))  # noqa: E731
    real, fake = (jnp.asarray(images(i), jnp.bfloat16) for i in (0, 1))
    w = jnp.ones((4, 8), jnp.bfloat16)

    @jit
    def everything(key, real, fake):
        state, history = regularizers.lecam_init(), regularizers.historical_average_init(params)
        generate = lambda z: (z.astype(jnp.bfloat16) @ w.T).reshape(-1, 2, 2, 1)  # noqa: E731
        mean = regularizers.path_length_init()
        return {
            "gradient_penalty": regularizers.gradient_penalty(low, real, fake, key),
            "dragan": regularizers.dragan(low, real, key),
            "r1": regularizers.r1(low, real),
            "r2": regularizers.r2(low, fake),
            "gradient_norms": regularizers.gradient_norms(low, real),
            "global_norm": regularizers.global_norm(params),
            "orthogonal": regularizers.orthogonal(params),
            "spectral": regularizers.spectral(params, regularizers.spectral_init(key, params))[0],
            "lecam": regularizers.lecam(low(real), low(fake), state),
            "consistency": regularizers.consistency(low(real), low(fake)),
            "path_length": regularizers.path_length(generate, jnp.ones((3, 8)), key, mean)[0],
            "historical_average": regularizers.historical_average(params, history),
        }

    assert jax.eval_shape(low, real).dtype == jnp.bfloat16
    for name, value in everything(jax.random.key(0), real, fake).items():
        assert value.dtype == jnp.float32, name
        assert jnp.isfinite(value).all(), name


def test_norms_of_bfloat16_gradients_are_summed_in_float32():
    # 275 ones: bfloat16 has 274 and 276 alone.
    x = jnp.ones((2, 5, 5, 11), jnp.bfloat16)
    total = lambda x: jnp.sum(x.astype(jnp.bfloat16), (1, 2, 3))  # noqa: E731
    for penalty in (regularizers.r1, regularizers.r2):
        assert float(penalty(total, x)) == 275
    key = jax.random.key(0)
    for value in (
        regularizers.gradient_penalty(total, x, x, key, target=0.0),
        regularizers.dragan(total, x, key, target=0.0),
    ):
        assert float(value) == 275
    assert float(regularizers.global_norm(x[0])) ** 2 == pytest.approx(275)


def test_under_vmap_over_seeds():
    real, fake = images(0), images(1)
    keys = jax.random.split(jax.random.key(0), 2)
    seeds = [weights(s) for s in (1, 2)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *seeds)

    def penalties(p, key):
        d = partial(critic, p)
        return jnp.stack(
            [
                regularizers.gradient_penalty(d, real, fake, key),
                regularizers.dragan(d, real, key),
                regularizers.r1(d, real),
                regularizers.orthogonal(p),
                regularizers.spectral(p, regularizers.spectral_init(key, p))[0],
                regularizers.path_length(
                    lambda w: jnp.tanh(w @ p["kernel"][0, 0]).reshape(-1, 1, 1, 3),
                    real[:, 0, 0],
                    key,
                    jnp.float32(0.5),
                )[0],
                regularizers.lecam(
                    d(real),
                    d(fake),
                    regularizers.lecam_update(regularizers.lecam_init(), d(real), d(fake)),
                ),
                regularizers.historical_average(
                    p, regularizers.historical_average_init(jax.tree.map(jnp.sin, p))
                ),
            ]
        )

    single = jit(penalties)
    expected = [single(p, k) for p, k in zip(seeds, keys, strict=True)]
    np.testing.assert_allclose(jit(jax.vmap(penalties))(stacked, keys), expected, rtol=1e-5)


def all_penalties(p, real, fake, key, axis_name=None):
    axis = {"axis_name": axis_name}

    def d(x):  # a convolution would take ten times as long to compile
        return jnp.tanh(x[:, :3, :3].reshape(-1, 18) @ p["kernel"].reshape(18, 3)) @ p["out"]

    generate = lambda w: jnp.tanh(w @ p["kernel"].reshape(18, 3).T).reshape(-1, 3, 3, 2)  # noqa: E731
    latents = real[:, 0, :3, 0]
    length, mean = regularizers.path_length(
        generate, latents, key, jnp.float32(0.5), decay=0.3, **axis
    )
    averages = regularizers.lecam_update(regularizers.lecam_init(), d(real), d(fake), **axis)
    penalties = {
        "gradient_penalty": regularizers.gradient_penalty(d, real, fake, key, **axis),
        "dragan": regularizers.dragan(d, real, key, **axis),
        "r1": regularizers.r1(d, real),
        "r2": regularizers.r2(d, fake),
        "orthogonal": regularizers.orthogonal(p),
        "spectral": regularizers.spectral(p, regularizers.spectral_init(key, p))[0],
        "historical_average": regularizers.historical_average(
            p, regularizers.historical_average_init(jax.tree.map(jnp.sin, p))
        ),
        "path_length": length,
        "lecam": regularizers.lecam(d(real), d(fake), averages),
        "zcr": regularizers.consistency(
            d(real), d(regularizers.perturb_latents(key, real, sigma=0.1, **axis))
        ),
    }
    weighted = sum((i + 1) * x for i, x in enumerate(penalties.values()))
    return weighted, (penalties, mean, averages)


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_a_split_batch_gives_the_same_penalties_and_gradient():
    real, fake = images(0, (8, 5, 5, 2)), images(1, (8, 5, 5, 2))
    params, key, devices = weights(), jax.random.key(0), jax.devices()[:4]
    mesh = Mesh(np.array(devices), ("data",), axis_types=(AxisType.Auto,))
    grad = jax.value_and_grad(all_penalties, has_aux=True)
    expected = jit(grad)(params, real, fake, key)

    def shard(*args):
        return jax.lax.pmean(grad(*args, "data"), "data")

    def averaged(p, *args):
        return jax.lax.pmean(all_penalties(p, *args, "data"), "data")

    split, whole = PartitionSpec("data"), PartitionSpec()
    specs = {"mesh": mesh, "in_specs": (whole, split, split, whole), "out_specs": whole}
    cut = [x.reshape(4, 2, 5, 5, 2) for x in (real, fake)]
    results = {
        "pmap": jax.pmap(shard, "data", in_axes=(None, 0, 0, None), out_axes=None, devices=devices)(
            params, *cut, key
        ),
        "unchecked": jit(jax.shard_map(shard, **specs, check_vma=False))(params, real, fake, key),
        "checked": jit(jax.shard_map(jax.value_and_grad(averaged, has_aux=True), **specs))(
            params, real, fake, key
        ),
    }
    # The global batch, sharded: the compiler splits the draws with it.
    sharded = [jax.device_put(x, NamedSharding(mesh, split)) for x in (real, fake)]
    compiled = jit(grad).lower(params, *sharded, key).compile()
    assert "all-gather" not in compiled.as_text()
    results["jit"] = compiled(params, *sharded, key)
    for way, result in results.items():
        for a, b in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=way)


def test_bad_arguments_are_named():
    x, key = jnp.ones((4, 3)), jax.random.key(0)
    good = lambda x: jnp.sum(x, 1)  # noqa: E731
    with pytest.raises(ValueError, match="fake"):
        regularizers.gradient_penalty(good, x, x[:2], key)
    with pytest.raises(ValueError, match="target"):
        regularizers.gradient_penalty(good, x, x, key, target=-1.0)
    with pytest.raises(ValueError, match="scale"):
        regularizers.dragan(good, x, key, scale=-1.0)
    with pytest.raises(ValueError, match="critic"):
        regularizers.r1(lambda x: jnp.mean(x), x)
    with pytest.raises(ValueError, match="key"):
        regularizers.gradient_penalty(good, x, x, jax.random.split(key, 3))
    with pytest.raises(ValueError, match="limit"):
        regularizers.weight_clip(x, 0)
    with pytest.raises(ValueError, match="iterations"):
        regularizers.spectral(x, regularizers.spectral_init(key, x), iterations=0)
    with pytest.raises(ValueError, match="state"):
        regularizers.spectral(x, ())
    with pytest.raises(ValueError, match="decay"):
        regularizers.lecam_update(regularizers.lecam_init(), x, x, decay=1.5)
    with pytest.raises(ValueError, match="augmented_logits"):
        regularizers.consistency(x, x[:, :1])
    with pytest.raises(ValueError, match="latents"):
        regularizers.path_lengths(good, x[0], key)
    with pytest.raises(ValueError, match="generate"):
        regularizers.path_lengths(good, x, key)
    with pytest.raises(ValueError, match="generate"):
        regularizers.path_lengths(lambda w: w[:1, :, None, None], x, key)
    with pytest.raises(ValueError, match="decay"):
        regularizers.path_length(good, x, key, jnp.float32(0), decay=2.0)
    history = regularizers.historical_average_init({"a": x})
    for other in ({"b": x}, {"a": x[:1]}):
        with pytest.raises(ValueError, match="state"):
            regularizers.historical_average(other, history)
