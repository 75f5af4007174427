"""Spectral norm equals PyTorch's step by step, starts exact, and keeps its books."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen as nn
from flax.errors import ModifyScopeVariableError
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parametrizations

from jaxgan.nn import Conv, ConvTranspose, Dense, Embed, SpectralNorm, sigmas
from tests.nn.reference import assert_close, nchw, nhwc, normal


def torch_layer(name):
    layer = {
        "dense": lambda: torch.nn.Linear(5, 7),
        "conv": lambda: torch.nn.Conv2d(5, 7, 3, padding=1),
        "transposed": lambda: torch.nn.ConvTranspose2d(5, 7, 4, 2, 1),
    }[name]()
    return layer.double()


# Our layer, and the order of axes by which PyTorch's weight becomes our kernel.
LAYERS = {
    "dense": (partial(Dense, 7), (1, 0)),
    "conv": (partial(Conv, 7, 3, padding=1), (2, 3, 1, 0)),
    "transposed": (partial(ConvTranspose, 7, 4, 2, padding=1), (2, 3, 0, 1)),
}


def to_jax(tensor):
    return jnp.asarray(tensor.detach().numpy(), jnp.float32)


def torch_vectors(layer):
    """PyTorch's u, and its v [C, kh, kw] in our order [kh, kw, C]."""
    found = layer.parametrizations.weight[0]
    long = to_jax(found._v)
    size = int((len(long) / 5) ** 0.5)
    return to_jax(found._u), long.reshape(5, size, size).transpose(1, 2, 0).reshape(-1)


@pytest.mark.parametrize(
    ("name", "n_steps"), [("dense", 1), ("conv", 1), ("conv", 3), ("transposed", 1)]
)
def test_values_statistics_and_gradients_are_torchs(name, n_steps):
    torch.manual_seed(0)
    reference = parametrizations.spectral_norm(torch_layer(name), n_power_iterations=n_steps)
    layer, order = LAYERS[name]
    original = reference.parametrizations.weight.original
    params = {"kernel": to_jax(original.permute(order)), "bias": to_jax(reference.bias)}
    u, v = torch_vectors(reference)
    stats = {"spectral": {"u": u, "v": v, "sigma": jnp.ones(())}}
    x = normal(1, 2, 5) if name == "dense" else normal(1, 2, 6, 6, 5)

    def call():
        tensor = torch.tensor(np.asarray(x, np.float64))
        return reference(tensor) if name == "dense" else nhwc(reference(nchw(tensor)))

    reference.train()
    want = call()
    cotangent = normal(99, *want.shape)
    direction = torch.tensor(np.asarray(cotangent, np.float64))
    (want_gradient,) = torch.autograd.grad(want, [original], direction)

    @jax.jit
    def forward_and_gradient(params, stats):
        def forward(params):
            return layer(weight=SpectralNorm(n_steps)).apply(
                {"params": params, **stats}, x, mutable=["spectral"]
            )

        got, pull, updated = jax.vjp(forward, params, has_aux=True)
        return got, pull(cotangent)[0]["kernel"], updated

    got, gradient, updated = forward_and_gradient(params, stats)
    assert_close(got, to_jax(want))
    assert_close(gradient, to_jax(want_gradient.permute(order)))
    assert_close((updated["spectral"]["u"], updated["spectral"]["v"]), torch_vectors(reference))

    reference.eval()  # which takes u and v as they were left
    frozen = layer(weight=SpectralNorm(n_steps, update_stats=False))
    assert_close(jax.jit(frozen.apply)({"params": params, **updated}, x), to_jax(call()))


def test_embedding_is_torchs_once_converged():
    # PyTorch's u belongs to the rows and ours to the features, so a single step is not comparable.
    torch.manual_seed(0)
    reference = parametrizations.spectral_norm(torch.nn.Embedding(9, 7).double())
    table = to_jax(reference.parametrizations.weight.original)
    labels = [0, 3, 3, 8]
    for _ in range(300):
        want = reference(torch.tensor(labels))
    cotangent = normal(99, 4, 7)
    direction = torch.tensor(np.asarray(cotangent, np.float64))
    original = reference.parametrizations.weight.original
    (want_gradient,) = torch.autograd.grad(want, [original], direction)
    layer = Embed(9, 7, weight=SpectralNorm(), embedding_init=lambda *_: table)

    @jax.jit
    def init_and_update():
        got, variables = layer.init_with_output(jax.random.key(0), jnp.array(labels))
        return got, variables, layer.apply(variables, jnp.array(labels), mutable=["spectral"])[1]

    got, variables, updated = init_and_update()
    assert_close(got, to_jax(want))
    assert_close(updated, {"spectral": variables["spectral"]})

    @jax.jit
    def gradient(params):
        def along(params):
            stats = {"spectral": variables["spectral"]}
            frozen = Embed(9, 7, weight=SpectralNorm(update_stats=False))
            return jnp.vdot(frozen.apply({"params": params, **stats}, jnp.array(labels)), cotangent)

        return jax.grad(along)(params)["embedding"]

    assert_close(gradient(variables["params"]), to_jax(want_gradient))


def largest_singular_value(kernel):
    return np.linalg.svd(np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1]))[1][0]


def fixed(key, shape, dtype):
    """Saves the compilation of a random kernel."""
    return normal(7, *shape, dtype=dtype)


class Kernel(nn.Module):
    """The normalized kernel itself."""

    weight: SpectralNorm

    @nn.compact
    def __call__(self, value):
        return self.weight(self, "kernel", lambda *_: value, value.shape, 1.0)


@jax.jit
def normalized_at_init(value):
    return Kernel(SpectralNorm()).init_with_output(jax.random.key(0), value)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    shape=st.sampled_from([(6, 3), (3, 6), (2, 2, 3, 4), (5, 1)]),
    scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e12]),
    seed=st.integers(0, 10**6),
)
def test_largest_singular_value_is_one_from_the_first_call(shape, scale, seed):
    value = normal(seed, *shape) * scale
    got, variables = normalized_at_init(value)
    assert abs(largest_singular_value(got) - 1) < 1e-5
    assert abs(variables["spectral"]["sigma"] / largest_singular_value(value) - 1) < 1e-5


def test_stays_normalized_while_the_kernel_moves():
    layer = Dense(32, weight=SpectralNorm(), kernel_init=fixed)
    x = normal(1, 4, 48)
    variables = jax.jit(layer.init)(jax.random.key(0), x)
    params, stats = variables["params"], variables["spectral"]

    @jax.jit
    def step(params, stats, i):
        _, updated = layer.apply({"params": params, "spectral": stats}, x, mutable=["spectral"])
        kernel = params["kernel"]
        moved = kernel + 1e-3 * jax.random.normal(jax.random.key(i), kernel.shape)
        return {**params, "kernel": moved}, updated["spectral"]

    for i in range(100):
        before = params
        params, stats = step(params, stats, i)
    assert abs(stats["sigma"] / largest_singular_value(before["kernel"]) - 1) < 1e-3


def test_update_switch_and_collection():
    x = normal(1, 4, 5)
    train, frozen = (
        Dense(3, weight=SpectralNorm(update_stats=flag), kernel_init=fixed)
        for flag in (True, False)
    )
    variables = jax.jit(train.init)(jax.random.key(0), x)
    assert set(variables) == {"params", "spectral"}
    assert set(variables["spectral"]) == {"u", "v", "sigma"}
    assert set(variables["params"]) == {"kernel", "bias"}
    with pytest.raises(ModifyScopeVariableError):
        train.apply(variables, x)
    _, updated = frozen.apply(variables, x, mutable=["spectral"])
    assert_close(updated["spectral"], variables["spectral"], 0.0)


def test_gradient_passes_through_frozen_sigma():
    x = normal(1, 4, 5)
    layer = Dense(3, weight=SpectralNorm(update_stats=False), kernel_init=fixed)
    variables = jax.jit(layer.init)(jax.random.key(0), x)

    @jax.jit
    def scaled(factor):
        params = variables["params"] | {"kernel": factor * variables["params"]["kernel"]}
        return jnp.sum(layer.apply({**variables, "params": params}, x) * normal(2, 4, 3))

    # The output does not depend on the scale of the kernel.
    assert abs(jax.grad(scaled)(1.0)) < 1e-5 * abs(scaled(1.0))


def test_sigmas_are_readable_by_path():
    class Critic(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = Conv(4, weight=SpectralNorm(), name="first")(x)
            return Dense(1, name="last")(Inner(name="inner")(x))

    class Inner(nn.Module):
        @nn.compact
        def __call__(self, x):
            return Dense(2, weight=SpectralNorm())(x)

    variables = jax.eval_shape(Critic().init, jax.random.key(0), normal(1, 1, 4, 4, 3))
    found = sigmas(variables)
    assert set(found) == {"first", "inner/Dense_0"}
    assert {(s.shape, s.dtype.name) for s in found.values()} == {((), "float32")}
    assert sigmas({"batch_stats": {}}) == {}
    alone = {"spectral": {"u": 0, "v": 1, "sigma": 2}}
    assert sigmas(alone) == {"": 2}


def test_a_kernel_of_zeros_stays_zero_and_later_recovers():
    layer = Dense(6, weight=SpectralNorm(), kernel_init=nn.initializers.zeros_init())
    x = normal(1, 4, 5)
    y, variables = jax.jit(layer.init_with_output)(jax.random.key(0), x)
    assert_close(y, jnp.zeros((4, 6)))
    kernel, stats = normal(2, 5, 6), {"spectral": variables["spectral"]}

    @jax.jit
    def update(kernel, stats):
        params = {"kernel": kernel, "bias": jnp.zeros(6)}
        return layer.apply({"params": params, **stats}, x, mutable=["spectral"])[1]

    stats = update(jnp.zeros((5, 6)), stats)
    for _ in range(100):
        stats = update(kernel, stats)
    assert abs(stats["spectral"]["sigma"] / largest_singular_value(kernel) - 1) < 1e-4


def test_vmap_over_seeds():
    values = normal(1, 3, 5, 4)

    def run(value):
        layer = Kernel(SpectralNorm())
        return layer.apply(layer.init(jax.random.key(0), value), value, mutable=["spectral"])

    want = jax.tree.map(lambda *a: np.stack(a), *map(jax.jit(run), values))
    assert_close(jax.jit(jax.vmap(run))(values), want)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="n_steps"):
        SpectralNorm(n_steps=0)


@pytest.mark.parametrize("layer", ["dense", "table"])
def test_the_order_of_the_older_hook(layer):
    """v from u, then u from v, where u is of PyTorch's first axis: outputs, or a table's rows."""
    W = np.asarray(normal(3, 6, 4), np.float64)
    module = (
        Dense(4, weight=SpectralNorm(order="vu"))
        if layer == "dense"
        else Embed(6, 4, weight=SpectralNorm(order="vu"))
    )
    x = jnp.eye(6) if layer == "dense" else jnp.arange(6)
    variables = jax.tree.map(jnp.asarray, dict(module.init(jax.random.key(0), x)))
    name = "kernel" if layer == "dense" else "embedding"
    variables["params"][name] = jnp.asarray(W, jnp.float32)
    first = np.asarray(normal(4, 4 if layer == "dense" else 6), np.float64)
    first /= np.linalg.norm(first)
    theirs = W.T if layer == "dense" else W
    u, ours = first, ("u", "v") if layer == "dense" else ("v", "u")
    stats = {**variables["spectral"], ours[0]: jnp.asarray(first, jnp.float32)}
    for _ in range(2):
        v = u @ theirs / np.linalg.norm(u @ theirs)
        u = theirs @ v / np.linalg.norm(theirs @ v)
        y, new = module.apply({**variables, "spectral": stats}, x, mutable=["spectral"])
        stats = new["spectral"]
        assert_close(stats[ours[0]], jnp.asarray(u, jnp.float32))
        assert_close(stats[ours[1]], jnp.asarray(v, jnp.float32))
        assert_close(y, jnp.asarray(W / (u @ theirs @ v), jnp.float32))


def test_another_order_is_refused():
    with pytest.raises(ValueError, match="order must be 'uv' or 'vu', got 'vv'"):
        SpectralNorm(order="vv")
