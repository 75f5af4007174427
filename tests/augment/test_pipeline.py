"""ADA from end to end, each transformation in the paper's order, and what it refuses."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from jaxgan import augment
from jaxgan.augment.draws import draw
from tests.augment.test_warp import bank_from_the_lowest_band, forward_map, torch_warp

KEY = jax.random.key(11)


def recolored(x, d):
    """Colours [H, W, 3] through the five steps of the paper, one after another."""
    v = np.ones(3) / math.sqrt(3)
    x = (x + d.brightness) * d.contrast
    x = x - 2 * d.luma_flip * (x @ v)[..., None] * v
    parallel = (x @ v)[..., None] * v
    x = parallel + (x - parallel) * math.cos(d.hue) + np.cross(v, x) * math.sin(d.hue)
    parallel = (x @ v)[..., None] * v
    return parallel + (x - parallel) * d.saturation


def filtered(x, gains):
    taps = torch.tensor(gains @ bank_from_the_lowest_band()).view(1, 1, -1, 1)
    y = torch.tensor(x).permute(2, 0, 1)[:, None]
    y = functional.pad(y, (21, 21, 21, 21), mode="reflect")
    y = functional.conv2d(functional.conv2d(y, taps), taps.transpose(2, 3))
    return y[:, 0].permute(1, 2, 0).numpy()


def corrupted(x, d, noise):
    x = x + d.noise * noise
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            across = abs((column + 0.5) / x.shape[1] - d.cutout_centre[0])
            down = abs((row + 0.5) / x.shape[0] - d.cutout_centre[1])
            if across < d.cutout / 2 and down < d.cutout / 2:
                x[row, column] = 0
    return x


def test_the_whole_pipeline_equals_the_paper_in_float64():
    x = np.random.default_rng(0).standard_normal((3, 24, 24, 3)).astype(np.float32)
    got = jax.jit(lambda x: augment.ada(KEY, x, 1.0, transforms=augment.TRANSFORMS))(x)
    always = dict.fromkeys(augment.TRANSFORMS, 1.0)
    for i, image in enumerate(x):
        draw_key, noise_key = jax.random.split(jax.random.fold_in(KEY, i))
        draws = jax.jit(lambda k: draw(k, jnp.ones(()), always))(draw_key)
        d = jax.tree.map(lambda a: np.asarray(a, np.float64), draws)
        # Colour, filter and corruption do not commute, as the numbers drawn here show.
        assert abs(d.brightness) > 0.01
        assert d.noise > 0.005
        inverse = np.linalg.inv(forward_map(d, 24, 24))[:2]
        want = filtered(recolored(torch_warp(image, inverse), d), d.gains)
        want = corrupted(want, d, np.asarray(jax.random.normal(noise_key, image.shape), np.float64))
        tolerance = 1e-4 * np.abs(want).max()  # positions in float32 meet bilinear slopes
        np.testing.assert_allclose(got[i], want, rtol=0, atol=tolerance)


X = np.zeros((2, 6, 6, 3), np.float32)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("p", lambda: augment.ada(KEY, X, -0.1)),
        ("p", lambda: augment.ada_init(float("nan"))),
        ("images", lambda: augment.ada(KEY, X[:, :1], 0.5, transforms=augment.FILTER)),
        ("images", lambda: augment.ada(KEY, X.astype(np.uint8), 0.5)),
        ("images", lambda: augment.diff_augment(KEY, X.astype(np.uint8))),
        ("images", lambda: augment.instance_noise(KEY, X.astype(np.int32), 0.1)),
        ("sigma", lambda: augment.instance_noise(KEY, X, float("nan"))),
        ("maximum", lambda: augment.ada_update(augment.ada_init(), X, maximum=-1.0)),
        ("real_logits", lambda: augment.ada_update(augment.ada_init(), X[:0])),
        ("real_logits", lambda: augment.ada_update(augment.ada_init(), jnp.float32(1.0))),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        call()
