"""Layers that look at the whole batch: against PyTorch, and the same however devices split it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.nn import MinibatchDiscrimination, MinibatchStddev, minibatch_stddev
from tests.nn.reference import (
    assert_close,
    nchw,
    nhwc,
    normal,
    torch_value_and_gradients,
    value_and_gradients,
)

X = normal(1, 8, 3, 4, 6)


def stylegan2(x, group, features):
    """StyleGAN2's layer, whose groups are every (N / group)-th image: NCHW."""
    _, C, H, W = x.shape
    y = x.reshape(group, -1, features, C // features, H, W)
    y = y - y.mean(dim=0)
    y = (y.square().mean(dim=0) + 1e-8).sqrt().mean(dim=[2, 3, 4])
    y = y.reshape(-1, features, 1, 1).repeat(group, 1, H, W)
    return torch.cat([x, y], dim=1)


@pytest.mark.parametrize(
    ("group", "features"), [(4, 1), (2, 3), (8, 2), (None, 1), (16, 6), (1, 1)]
)
def test_stddev_is_stylegans_of_a_reordered_batch(group, features):
    size = min(group or 8, 8)
    order = np.arange(8).reshape(-1, size).T.reshape(-1)  # ours is consecutive, theirs strided

    def reference(x):
        y = nhwc(stylegan2(nchw(x[order.copy()]), size, features))
        return y[np.argsort(order)]

    got = value_and_gradients(lambda x: minibatch_stddev(x, group, features), X)
    assert_close(got, torch_value_and_gradients(reference, X))


@pytest.mark.parametrize("group", [4, 2, 1])
def test_stddev_over_n_less_one_is_the_gan_zoos(group):
    def reference(x):
        B, C, H, W = x.shape
        y = x.reshape(-1, group, C, H, W)
        variance = y.var(1) if group > 1 else torch.zeros_like(y[:, 0])
        y = (variance + 1e-8).sqrt().reshape(B // group, -1).mean(1)
        y = y.repeat_interleave(group).reshape(-1, 1, 1, 1).expand(B, 1, H, W)
        return torch.cat([x, y], dim=1)

    got = value_and_gradients(lambda x: minibatch_stddev(x, group, unbiased=True), X)
    assert_close(got, torch_value_and_gradients(lambda x: nhwc(reference(nchw(x))), X))


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_stddev_of_equal_images_is_the_root_of_epsilon(seed, scale):
    x = jnp.broadcast_to(scale * normal(seed, 3, 3, 4), (4, 3, 3, 4))
    np.testing.assert_allclose(minibatch_stddev(x)[..., -1], 1e-4, rtol=1e-3)


def test_stddev_of_standard_normals_is_one():
    y = minibatch_stddev(normal(1, 64, 8, 8, 4), group_size=64)
    np.testing.assert_allclose(y[..., -1], 1.0, atol=0.05)


def discrimination(x, kernel):
    """The paper's three lines, over all pairs."""
    m = (x @ kernel).reshape(len(x), 5, 2)
    distances = (m[:, None] - m[None]).abs().sum(-1)
    return torch.cat([x, torch.exp(-distances).sum(1)], dim=1)


def test_discrimination_is_the_papers():
    x, kernel = 0.5 * normal(1, 8, 6), 0.5 * normal(2, 6, 10)
    layer = MinibatchDiscrimination(num_kernels=5, kernel_features=2)
    assert layer.init(jax.random.key(0), x)["params"]["kernel"].shape == kernel.shape
    got = value_and_gradients(lambda x, k: layer.apply({"params": {"kernel": k}}, x), x, kernel)
    assert_close(got, torch_value_and_gradients(discrimination, x, kernel))


def mean_loss(y):
    return jnp.mean(jnp.sin(3 * y))


@pytest.mark.parametrize("group", [2, 4, None])
def test_stddev_over_four_devices_equals_one(group):
    def loss(w, x, axis_name):
        return mean_loss(minibatch_stddev(x * w, group, 2, axis_name))

    check_split(lambda axis: lambda w, x: loss(w, x, axis), normal(2, 6), X)


def test_discrimination_over_four_devices_equals_one():
    kernel = 0.5 * normal(2, 6, 10)

    def loss(axis_name):
        layer = MinibatchDiscrimination(5, 2, axis_name=axis_name)
        layer.init(jax.random.key(0), X[:, 0, 0])  # outside of the mapped axis
        return lambda k, x: mean_loss(layer.apply({"params": {"kernel": k}}, x))

    check_split(loss, kernel, 0.5 * X[:, 0, 0])


def check_split(loss, params, x):
    """Loss and gradients of two images on each of four devices equal those of eight on one."""
    value, gradient = jax.jit(jax.value_and_grad(loss(None)))(params, x)

    def local(params, x):
        got = jax.value_and_grad(loss("data"))(params, x)
        return jax.lax.pmean(got, "data")

    mapped = jax.pmap(local, axis_name="data", in_axes=(None, 0), out_axes=None)
    assert_close(mapped(params, x.reshape(4, 2, *x.shape[1:])), (value, gradient))


def test_whole_groups_on_a_device_need_no_communication():
    def loss(x):
        return minibatch_stddev(x, 2, 1, "data")

    jaxpr = jax.make_jaxpr(jax.pmap(loss, axis_name="data"))(X.reshape(4, 2, *X.shape[1:]))
    assert "all_gather" not in str(jaxpr)


def test_layer_is_its_function_and_initializes_outside_of_the_axis():
    layer = MinibatchStddev(group_size=2, num_features=3, axis_name="data")
    y, variables = layer.init_with_output(jax.random.key(0), X)
    assert variables == {}
    assert_close(y, minibatch_stddev(X, 2, 3), 0.0)
    assert minibatch_stddev(X.astype(jnp.bfloat16)).dtype == jnp.bfloat16


KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda: minibatch_stddev(X[0])),
        ("group_size", lambda: minibatch_stddev(X, -4)),
        ("group_size", lambda: minibatch_stddev(X, 3)),
        ("num_features", lambda: minibatch_stddev(X, 4, 4)),
        ("num_features", lambda: minibatch_stddev(X, 4, 0)),
        ("x", lambda: MinibatchDiscrimination().init(KEY, X)),
        ("num_kernels", lambda: MinibatchDiscrimination(0).init(KEY, X[:, 0, 0])),
        ("kernel_features", lambda: MinibatchDiscrimination(1, 0).init(KEY, X[:, 0, 0])),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
