"""Normalizations without a condition, against PyTorch in value and gradient."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

import jaxgan
from jaxgan.nn import LayerNorm, VirtualBatchNorm, adain, instance_norm, pixel_norm
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)

X = 3 + 2 * normal(1, 4, 5, 6, 3)
SCALE, BIAS = normal(2, 3), normal(3, 3)


def test_pixel_norm():
    got = value_and_gradients(pixel_norm, X)
    want = torch_value_and_gradients(
        lambda x: x / (x**2).mean(dim=-1, keepdim=True).add(1e-8).sqrt(), X
    )
    assert_close(got, want)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(scale=st.sampled_from([1e-2, 1.0, 1e10]), seed=st.integers(0, 1000))
def test_pixel_norm_gives_unit_mean_square(scale, seed):
    y = pixel_norm(scale * normal(seed, 8, 16))
    np.testing.assert_allclose(jnp.mean(y**2, axis=-1), 1.0, rtol=1e-3)


def test_instance_norm():
    got = value_and_gradients(instance_norm, X)
    want = torch_value_and_gradients(lambda x: nhwc(functional.instance_norm(nchw(x))), X)
    assert_close(got, want)


def test_adain_moves_the_statistics_of_the_style():
    style = 5 * normal(4, 4, 3, 2, 3) - 1

    def reference(x, y):
        x, y = nchw(x), nchw(y)
        deviation = y.var(dim=(2, 3), unbiased=False, keepdim=True).add(1e-5).sqrt()
        return nhwc(functional.instance_norm(x) * deviation + y.mean(dim=(2, 3), keepdim=True))

    got = value_and_gradients(adain, X, style)
    assert_close(got, torch_value_and_gradients(reference, X, style))
    np.testing.assert_allclose(got[0].mean((1, 2)), style.mean((1, 2)), atol=1e-4)


def apply(layer, variables, scale, bias, *args):
    params = {"scale": scale, "bias": bias}
    assert jax.tree.structure(params) == jax.tree.structure(variables["params"])
    return layer.apply({"params": params}, *args)


def test_layer_norm_is_over_the_whole_image():
    layer = LayerNorm()
    variables = jax.jit(layer.init)(jax.random.key(0), X)
    got = value_and_gradients(lambda x, s, b: apply(layer, variables, s, b, x), X, SCALE, BIAS)
    want = torch_value_and_gradients(
        lambda x, s, b: functional.layer_norm(x, x.shape[1:]) * s + b, X, SCALE, BIAS
    )
    assert_close(got, want)
    flat = normal(5, 4, 3)
    want = functional.layer_norm(torch.tensor(np.asarray(flat)), (3,))
    assert_close(jax.jit(layer.apply)(variables, flat), jnp.asarray(want.numpy()))


def torch_virtual(x, reference, scale, bias):
    """One image at a time: its pixels weigh as those of one more reference image."""
    n, out = len(reference), []

    def moments(*parts):
        pixels = [p.reshape(-1, p.shape[-1]) for p in parts]
        mean = sum(p.mean(0) * w for p, w in zip(pixels, weights, strict=True))
        square = sum((p**2).mean(0) * w for p, w in zip(pixels, weights, strict=True))
        return mean, (square - mean**2 + 1e-5).sqrt()

    weights = [1 / (n + 1), n / (n + 1)]
    for image in x:
        mean, deviation = moments(image, reference)
        out.append((image - mean) / deviation * scale + bias)
    weights = [1.0]
    mean, deviation = moments(reference)
    r = (reference - mean) / deviation * scale + bias
    return torch.cat([torch.stack(out), r])


def test_virtual_batch_norm():
    layer, reference = VirtualBatchNorm(), 1 + 3 * normal(6, 7, 5, 6, 3)
    variables = jax.jit(layer.init)(jax.random.key(0), X, reference)

    def both(x, r, s, b):
        return jnp.concatenate(apply(layer, variables, s, b, x, r))

    got = value_and_gradients(both, X, reference, SCALE, BIAS)
    assert_close(got, torch_value_and_gradients(torch_virtual, X, reference, SCALE, BIAS))
    # No image sees another of its batch.
    normalize = jax.jit(lambda x: layer.apply(variables, x, reference)[0])
    assert_close(normalize(X)[:1], normalize(X[:1]), 1e-6)


@pytest.mark.parametrize("function", [pixel_norm, instance_norm, lambda x: adain(x, x)])
def test_bfloat16_is_rounded_only_at_the_end(function):
    x = (100 + X).astype(jnp.bfloat16)
    assert function(x).dtype == jnp.bfloat16
    assert_close(function(x), function(x.astype(jnp.float32)).astype(jnp.bfloat16), 2**-8)


def test_layers_keep_the_dtype_of_the_input_and_float32_parameters():
    for layer, args in ((LayerNorm(), (X,)), (VirtualBatchNorm(), (X, X))):
        args = tuple(a.astype(jnp.bfloat16) for a in args)
        y, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), *args)
        assert jax.tree.leaves(y)[0].dtype == jnp.bfloat16
        assert variables["params"]["scale"].dtype == jnp.float32


def epsilons(tree):
    """(name, value) of every number that is called epsilon: passed, by default, or as a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            yield node.arg, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            defaults = positional[len(positional) - len(node.defaults) :]
            pairs = [*zip(defaults, node.defaults, strict=True)]
            pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from ((argument.arg, value) for argument, value in pairs)


def large_epsilons(source):
    return [
        value.value
        for name, value in epsilons(ast.parse(source))
        if name in ("epsilon", "eps") and isinstance(value, ast.Constant) and value.value > 1e-3
    ]


def test_no_epsilon_is_a_momentum():
    """Momentum and epsilon stand side by side in PyTorch: BatchNorm2d(n, 0.8) smooths by 0.8."""
    assert large_epsilons("nn.BatchNorm(epsilon=0.8)") == [0.8]
    assert large_epsilons("def f(x, epsilon=0.8, *, eps: float = 0.9): pass") == [0.8, 0.9]
    assert large_epsilons("class A:\n    epsilon: float = 0.8") == [0.8]
    for path in Path(jaxgan.__file__).parent.rglob("*.py"):
        assert not large_epsilons(path.read_text()), path


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda: instance_norm(X[0])),
        ("style", lambda: adain(X, X[:2])),
        ("style", lambda: adain(X, X[..., :2])),
        ("reference", lambda: VirtualBatchNorm().init(jax.random.key(0), X, X[:, 1:])),
        ("reference", lambda: VirtualBatchNorm().init(jax.random.key(0), X, X[:0])),
        ("x", lambda: VirtualBatchNorm().init(jax.random.key(0), BIAS, BIAS)),
        ("x", lambda: LayerNorm().init(jax.random.key(0), BIAS)),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
