"""Conditional normalizations against PyTorch, in training, in evaluation and over devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.sharding import PartitionSpec as P
from torch.nn import functional

from jaxgan.nn import ConditionalBatchNorm, ConditionalInstanceNorm, SelfModulation, SpectralNorm
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)

X = 3 + 2 * normal(1, 8, 4, 5, 3)
LABELS = jnp.array([0, 1, 6, 1, 2, 2, 3, 0])
VECTORS = normal(2, 8, 4)
KEY = jax.random.key(0)


def modulated(y, scale, bias):
    return nhwc(y) * (1 + scale[:, None, None]) + bias[:, None, None]


def batch_norm(x):
    return functional.batch_norm(nchw(x), None, None, training=True)


def instance_norm(x):
    return functional.instance_norm(nchw(x))


NORMS = {
    "batch": (ConditionalBatchNorm, {"train": True}, batch_norm),
    "instance": (ConditionalInstanceNorm, {}, instance_norm),
}


@pytest.mark.parametrize("norm", sorted(NORMS))
def test_labels_pick_rows(norm):
    make, keywords, reference = NORMS[norm]
    layer = make(num_classes=7)
    stats = jax.jit(lambda: layer.init(KEY, X, LABELS, **keywords))()
    rows = torch.tensor(np.asarray(LABELS))

    def apply(x, scale, bias):
        name = "Modulation_0"
        params = {name: {"scale": {"embedding": scale}, "bias": {"embedding": bias}}}
        variables = {**stats, "params": params}
        return layer.apply(variables, x, LABELS, **keywords, mutable=["batch_stats"])[0]

    args = (X, normal(3, 7, 3), normal(4, 7, 3))
    want = torch_value_and_gradients(
        lambda x, s, b: modulated(reference(x), s[rows], b[rows]), *args
    )
    assert_close(value_and_gradients(apply, *args), want)


@pytest.mark.parametrize("norm", sorted(NORMS))
def test_vectors_pass_linear_maps(norm):
    make, keywords, reference = NORMS[norm]
    layer = make()
    stats = jax.jit(lambda: layer.init(KEY, X, VECTORS, **keywords))()

    def apply(x, condition, scale, bias):
        params = {"Modulation_0": {"scale": {"kernel": scale}, "bias": {"kernel": bias}}}
        variables = {**stats, "params": params}
        return layer.apply(variables, x, condition, **keywords, mutable=["batch_stats"])[0]

    args = (X, VECTORS, normal(3, 4, 3), normal(4, 4, 3))
    want = torch_value_and_gradients(
        lambda x, c, s, b: modulated(reference(x), c @ s, c @ b), *args
    )
    assert_close(value_and_gradients(apply, *args), want)


def test_self_modulation_is_two_small_networks():
    layer = SelfModulation(hidden=6)
    stats = jax.jit(lambda: layer.init(KEY, X, VECTORS, train=True))()
    names = ("scale_hidden", "scale", "bias_hidden", "bias")
    assert set(stats["params"]) == set(names)

    def apply(x, z, *flat):
        params = {n: {"kernel": flat[2 * i], "bias": flat[2 * i + 1]} for i, n in enumerate(names)}
        variables = {**stats, "params": params}
        return layer.apply(variables, x, z, train=True, mutable=["batch_stats"])[0]

    def reference(x, z, u, c, v, d, u2, c2, v2, d2):
        scale = torch.relu(z @ u + c) @ v + d
        bias = torch.relu(z @ u2 + c2) @ v2 + d2
        return modulated(batch_norm(x), scale, bias)

    shapes = [(4, 6), (6,), (6, 3), (3,)] * 2
    args = (X, VECTORS, *(normal(10 + i, *s) for i, s in enumerate(shapes)))
    assert_close(value_and_gradients(apply, *args), torch_value_and_gradients(reference, *args))


@pytest.mark.parametrize(
    "layer", [ConditionalBatchNorm(momentum=0.9), SelfModulation(momentum=0.9)]
)
def test_running_statistics_are_kept_and_used(layer):
    variables = layer.init(KEY, X, VECTORS, train=True)
    _, updated = layer.apply(variables, X, VECTORS, train=True, mutable=["batch_stats"])
    found = updated["batch_stats"]["norm"]
    flat = np.asarray(X, np.float64).reshape(-1, 3)
    np.testing.assert_allclose(found["mean"], 0.1 * flat.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * flat.var(0), rtol=1e-5)
    y = layer.apply({**variables, **updated}, X, VECTORS, train=False)
    mean, deviation = found["mean"], jnp.sqrt(found["var"] + 1e-5)
    assert_close(y, (X - mean) / deviation)  # zero-initialized modulation is none


def test_variance_survives_a_large_mean():
    layer = ConditionalBatchNorm(num_classes=7)
    x = X + 1e4
    variables = layer.init(KEY, x, LABELS, train=True)
    y, _ = layer.apply(variables, x, LABELS, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(y.var(axis=(0, 1, 2)), 1.0, rtol=1e-3)


def test_four_devices_equal_one():
    args = (X, LABELS)
    one, split = ConditionalBatchNorm(7), ConditionalBatchNorm(7, axis_name="data")
    variables = split.init(KEY, *args, train=True)  # outside of the mapped axis

    def apply(layer):
        def run(x, labels):
            return layer.apply(variables, x, labels, train=True, mutable=["batch_stats"])

        return run

    want = apply(one)(*args)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    mapped = jax.shard_map(
        apply(split), mesh=mesh, in_specs=P("data"), out_specs=(P("data"), P()), check_vma=False
    )
    assert_close(jax.jit(mapped)(*args), want)


def test_four_devices_have_the_gradient_of_one():
    one, split = ConditionalBatchNorm(7), ConditionalBatchNorm(7, axis_name="data")
    tables = [{"embedding": normal(i, 7, 3)} for i in (3, 4)]
    variables = one.init(KEY, X, LABELS, train=True)
    params = {
        "Modulation_0": dict(zip(("scale", "bias"), tables, strict=True)),
        "gain": normal(5, 3),
    }

    def loss(layer, params, x, labels):
        gain = params["gain"]  # before the statistics, so that they pass a gradient on
        tree = {**variables, "params": {"Modulation_0": params["Modulation_0"]}}
        y = layer.apply(tree, x + jnp.sin(gain * x), labels, train=True, mutable=["batch_stats"])[0]
        return jnp.mean(jnp.sin(y))

    want = jax.jit(jax.grad(partial(loss, one)))(params, X, LABELS)

    def local(params, x, labels):
        return jax.lax.pmean(jax.grad(partial(loss, split))(params, x, labels), "data")

    mapped = jax.pmap(local, axis_name="data", in_axes=(None, 0, 0), out_axes=None)
    assert_close(mapped(params, X.reshape(4, 2, *X.shape[1:]), LABELS.reshape(4, 2)), want)


def test_spectral_norm_reaches_the_maps():
    layer = ConditionalBatchNorm(weight=SpectralNorm())
    variables = jax.eval_shape(lambda: layer.init(KEY, X, VECTORS, train=True))
    assert set(variables["spectral"]["Modulation_0"]) == {"scale", "bias"}


def test_bfloat16_keeps_float32_statistics():
    layer = ConditionalBatchNorm(num_classes=7)
    x = X.astype(jnp.bfloat16)
    variables = layer.init(KEY, x, LABELS, train=True)
    y, updated = layer.apply(variables, x, LABELS, train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert updated["batch_stats"]["norm"]["mean"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("condition", lambda: ConditionalBatchNorm(7).init(KEY, X, VECTORS, train=True)),
        ("condition", lambda: ConditionalBatchNorm().init(KEY, X, LABELS, train=True)),
        ("condition", lambda: ConditionalInstanceNorm(7).init(KEY, X, LABELS[:3])),
        ("x", lambda: ConditionalInstanceNorm(7).init(KEY, X[0], LABELS)),
        ("z", lambda: SelfModulation().init(KEY, X, VECTORS[0], train=True)),
        ("hidden", lambda: SelfModulation(hidden=0).init(KEY, X, VECTORS, train=True)),
        ("num_embeddings", lambda: ConditionalInstanceNorm(0).init(KEY, X, LABELS)),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
