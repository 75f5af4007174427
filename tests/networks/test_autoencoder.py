"""The autoencoder of latent diffusion: its sizes, and what it refuses.

What it computes is compared with diffusers' in ``tests/weights/test_autoencoder.py``.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import autoencoder

SMALL = {"widths": (8, 16), "groups": 4, "blocks": 1}
IMAGES = jax.random.normal(jax.random.key(1), (2, 8, 12, 3))


def shapes(module, *shape):
    """Of the variables, and of what a network gives."""

    def run(key):
        x = jnp.zeros((2, *shape))
        variables = module.init(key, x, train=False)
        return variables, module.apply(variables, x, train=False)

    return jax.eval_shape(run, jax.random.key(0))


def count(variables):
    return sum(math.prod(x.shape) for x in jax.tree.leaves(variables))


def test_as_many_parameters_as_stable_diffusions():
    encoder, q = shapes(autoencoder.Encoder((32 * 32 * 4,)), 256, 256, 3)
    decoder, images = shapes(autoencoder.Generator((256, 256, 3)), 32 * 32 * 4)
    assert count(encoder) + count(decoder) == 83_653_863
    assert q.mean.shape == q.log_variance.shape == (2, 4096)
    assert images.shape == (2, 256, 256, 3)


@pytest.mark.parametrize("part", ["middle_attention", "pointwise"])
def test_a_part_that_is_left_out(part):
    for module, shape in (
        (autoencoder.Encoder((48,), **SMALL), (8, 12, 3)),
        (autoencoder.Generator((8, 12, 3), **SMALL), (48,)),
    ):
        with_it, without = (
            count(shapes(module.clone(**{part: there}), *shape)[0]) for there in (True, False)
        )
        # Four dense layers and a norm of 16 channels; a 1x1 convolution of the moments or latents.
        channels = 4 if isinstance(module, autoencoder.Encoder) else 2
        due = {"middle_attention": 4 * (16 * 16 + 16) + 2 * 16, "pointwise": channels**2 + channels}
        assert with_it - without == due[part]


def test_log_variances_are_kept_within_bounds():
    module = autoencoder.Encoder((48,), pointwise=False, **SMALL)
    variables = module.init(jax.random.key(0), IMAGES, train=False)
    far = jnp.array([0.0, 0.0, 1e3, -1e3])
    variables["params"]["conv_out"]["bias"] = far
    found = np.asarray(module.apply(variables, IMAGES, train=False).log_variance)
    assert set(found.reshape(-1, 2)[:, 0]) == {20.0}
    assert set(found.reshape(-1, 2)[:, 1]) == {-30.0}


@pytest.mark.parametrize(
    ("fields", "shape", "size", "told"),
    [
        ({}, (9, 12, 3), 48, r"halves images \[H, W, C\] 1 times, which \[9, 12, 3\] cannot be"),
        ({}, (2,), 48, "halves images"),
        ({}, (8, 12, 3), 50, "latent_dim must be a multiple of 24, .*a map of 4 x 6, not 50"),
        ({"groups": 3}, (8, 12, 3), 48, r"groups must divide each of the widths \(8, 16\), not 3"),
        ({"widths": ()}, (8, 12, 3), 48, "groups must divide"),
        ({"blocks": 0}, (8, 12, 3), 48, "blocks must be at least 1, not 0"),
    ],
)
def test_what_is_refused(fields, shape, size, told):
    fields = {**SMALL, **fields}
    with pytest.raises(ValueError, match=told):
        shapes(autoencoder.Encoder((size,), **fields), *shape)
    with pytest.raises(ValueError, match=told):
        shapes(autoencoder.Generator(shape, **fields), size)


def test_bfloat16_computes_with_float32_parameters_and_outputs():
    encoder = autoencoder.Encoder((48,), dtype="bfloat16", **SMALL)
    decoder = autoencoder.Generator((8, 12, 3), dtype="bfloat16", **SMALL)
    for found in (shapes(encoder, 8, 12, 3), shapes(decoder, 48)):
        assert {x.dtype for x in jax.tree.leaves(found)} == {jnp.dtype("float32")}
