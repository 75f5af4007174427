"""Convolution in groups of channels, against XLA's own and PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.nn import GroupedConv, grouped_conv

KEYS = jax.random.split(jax.random.key(0), 3)
CASES = [(8, 8, 4, 3), (6, 4, 2, 3), (6, 9, 3, 1), (4, 4, 4, 5), (5, 7, 1, 3)]


def operands(C, features, groups, k):
    x = jax.random.normal(KEYS[0], (2, 5, 6, C))
    return x, jax.random.normal(KEYS[1], (k, k, C // groups, features))


@pytest.mark.parametrize("case", CASES)
def test_equals_pytorch(case):
    x, w = operands(*case)
    images, kernel = (
        torch.tensor(np.asarray(a).transpose(p)) for a, p in ((x, (0, 3, 1, 2)), (w, (3, 2, 0, 1)))
    )
    expected = torch.nn.functional.conv2d(images, kernel, padding=case[3] // 2, groups=case[2])
    np.testing.assert_allclose(
        grouped_conv(x, w), expected.numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("case", CASES[:3])
def test_derivatives_of_both_orders_are_those_of_xla(case):
    x, w = operands(*case)

    def penalty(x, w, implementation):
        critic = lambda x: jnp.sum(jnp.tanh(grouped_conv(x, w, implementation=implementation)))  # noqa: E731
        return jnp.sum(jax.grad(critic)(x) ** 2) + critic(x)

    found, expected = (
        jax.jit(jax.grad(penalty, (0, 1)), static_argnums=2)(x, w, name)
        for name in ("canonical", "stock")
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_has_no_grouped_convolution_in_it():
    x, w = operands(*CASES[0])
    told = str(jax.make_jaxpr(jax.grad(lambda x: grouped_conv(x, w).sum()))(x))
    assert "conv_general_dilated" not in told


@pytest.mark.parametrize(
    ("x", "w", "told"),
    [
        ((5, 5, 4), (3, 3, 2, 4), "B, H, W, C"),
        ((1, 5, 5, 4), (2, 2, 2, 4), "odd k"),
        ((1, 5, 5, 4), (3, 3, 3, 4), "no whole groups"),
        ((1, 5, 5, 4), (3, 3, 2, 5), "no whole groups"),
    ],
)
def test_what_cannot_be_is_refused(x, w, told):
    with pytest.raises(ValueError, match=told):
        grouped_conv(jnp.zeros(x), jnp.zeros(w))


def test_an_unknown_implementation_is_refused():
    with pytest.raises(ValueError, match="implementation"):
        grouped_conv(*operands(*CASES[0]), implementation="fast")


def test_the_layer_has_one_kernel_and_computes_in_its_dtype():
    x, _ = operands(*CASES[0])
    y, variables = GroupedConv(8, 4, dtype="bfloat16").init_with_output(KEYS[2], x)
    assert jax.tree.map(lambda p: (p.shape, p.dtype.name), variables) == {
        "params": {"kernel": ((3, 3, 2, 8), "float32")}
    }
    assert (y.shape, y.dtype) == ((2, 5, 6, 8), jnp.bfloat16)
    with pytest.raises(ValueError, match="groups must divide the 8 channels, got 3"):
        GroupedConv(9, 3).init(KEYS[2], x)
