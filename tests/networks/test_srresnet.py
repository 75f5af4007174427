"""SRGAN's networks: their numbers of parameters counted by hand, and what sizes they take."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from jaxgan.networks import srresnet
from tests.nn.reference import nchw, nhwc, normal

KEY = jax.random.key(0)


def count(module, *shape):
    made = jax.eval_shape(lambda k: module.init(k, jnp.zeros(shape), train=False), KEY)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(made["params"]))


def test_the_papers_generator_counted_by_hand():
    """Kernels, biases where no norm follows, scale and shift of norms, a slope a channel."""
    w = 64
    first, last = 9 * 9 * 3 * w + w + w, 9 * 9 * w * 3 + 3
    block = 2 * (9 * w * w + 2 * w) + w
    middle, doubling = 9 * w * w + 2 * w, 9 * w * 4 * w + 4 * w + w
    expected = first + 16 * block + middle + 2 * doubling + last
    assert expected == 1_548_547
    assert count(srresnet.Generator((96, 96, 3)), 1, 24, 24, 3) == expected


def test_without_norms_each_convolution_has_a_bias():
    w = 8
    first, last = 9 * 3 * w + w + w, 9 * w * 3 + 3
    block, middle = 2 * (9 * w * w + w) + w, 9 * w * w + w
    tripling = 9 * w * 9 * w + 9 * w + w
    small = {"width": w, "residual_blocks": 2, "normalization": "none", "outer_kernel": 3}
    module = srresnet.Generator((9, 9, 3), 3, **small)
    assert count(module, 1, 3, 3, 3) == first + 2 * block + middle + tripling + last


def test_the_papers_discriminator_counted_by_hand():
    channels = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    kernels = sum(9 * a * b for a, b in itertools.pairwise(channels))
    norms, bias = sum(2 * c for c in channels[2:]), 64
    dense = 6 * 6 * 512 * 1024 + 1024 + 1024 + 1
    assert count(srresnet.Discriminator(), 1, 96, 96, 3) == kernels + norms + bias + dense


def test_the_generator_is_that_of_figure_4_in_torch():
    """Blocks and the whole of them are added to what they are given; sub-pixels, then the slope."""
    module = srresnet.Generator(
        (10, 8, 2), 2, width=4, residual_blocks=2, normalization="none", outer_kernel=5
    )
    x = normal(0, 2, 5, 4, 3)
    shapes = jax.eval_shape(lambda: module.init(KEY, x, train=True))["params"]
    draw = np.random.default_rng(0)
    params = jax.tree.map(lambda p: draw.uniform(-0.3, 0.3, p.shape).astype(np.float32), shapes)

    def conv(x, name):
        kernel = torch.tensor(params[name]["conv"]["kernel"]).permute(3, 2, 0, 1)
        bias = torch.tensor(params[name]["conv"]["bias"])
        return functional.conv2d(x, kernel, bias, padding=kernel.shape[-1] // 2)

    def prelu(x, name):
        return functional.prelu(x, torch.tensor(params[f"{name}_prelu"]["slope"]))

    h = first = prelu(conv(nchw(torch.tensor(np.asarray(x))), "first"), "first")
    for i in range(2):
        h = h + conv(prelu(conv(h, f"block_{i}_0"), f"block_{i}"), f"block_{i}_1")
    h = first + conv(h, "middle")
    h = prelu(functional.pixel_shuffle(conv(h, "up_0"), 2), "up_0")
    expected = nhwc(conv(h, "last")).numpy()
    found = jax.jit(lambda: module.apply({"params": params}, x, train=True))()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_it_enlarges_images_of_any_size(factor):
    module = srresnet.Generator((8, 8, 2), factor, width=2, residual_blocks=1)
    x = jnp.zeros((2, 5, 7, 3))
    made, _ = jax.eval_shape(lambda: module.init_with_output(KEY, x, train=False))
    assert made.shape == (2, 5 * factor, 7 * factor, 2)


@pytest.mark.parametrize(("factor", "stages"), [(2, [2]), (3, [3]), (8, [2, 2, 2]), (6, [2, 3])])
def test_a_stage_for_each_prime(factor, stages):
    assert srresnet.primes(factor) == stages


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="enlarges by 2 or more, not by 0"):
        srresnet.primes(0)
    with pytest.raises(ValueError, match=r"of 4 stages sees images of 16 pixels at least"):
        count(srresnet.Discriminator(), 1, 8, 8, 3)
