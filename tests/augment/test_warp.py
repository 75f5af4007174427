"""ADA's filters, warp and colours against NumPy and PyTorch, written from the paper."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from jaxgan import augment
from jaxgan.augment import pipeline, warp
from jaxgan.augment.draws import Draws

KEY = jax.random.key(0)
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster

IDENTITY = Draws(
    flip=0.0,
    quarter_turns=0.0,
    integer_shift=jnp.zeros(2),
    scale=1.0,
    rotation_before=0.0,
    stretch=1.0,
    rotation_after=0.0,
    fractional_shift=jnp.zeros(2),
    brightness=0.0,
    contrast=1.0,
    luma_flip=0.0,
    hue=0.0,
    saturation=1.0,
    gains=jnp.ones(4),
    noise=0.0,
    cutout=0.0,
    cutout_centre=jnp.full(2, 0.5),
)
STRONG = IDENTITY._replace(
    flip=1.0,
    quarter_turns=3.0,
    integer_shift=jnp.array([0.1, -0.05]),
    scale=1.3,
    rotation_before=0.4,
    stretch=0.9,
    rotation_after=-0.7,
    fractional_shift=jnp.array([0.02, 0.06]),
    brightness=0.3,
    contrast=0.6,
    luma_flip=1.0,
    hue=1.1,
    saturation=1.7,
)


def image(height=12, width=10, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@jit
def run(x, draws):
    return warp.warp(x, pipeline.inverse_map(draws, *x.shape[:2]))


def warped(x, **changes):
    return run(x, jax.tree.map(jnp.asarray, IDENTITY._replace(**changes)))


# Geometry


def forward_map(draws, height, width):
    """From input to output in float64: what the paper composes, before it inverts."""

    def rotation(angle):
        return np.array(
            [
                [math.cos(angle), math.sin(angle), 0],
                [-math.sin(angle), math.cos(angle), 0],
                [0, 0, 1],
            ]
        )

    def shift(x, y):
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])

    d = jax.tree.map(lambda x: np.asarray(x, np.float64), draws)
    G = np.eye(3)
    for step in (
        np.diag([1 - 2 * d.flip, 1, 1]),
        rotation(math.pi / 2 * d.quarter_turns),
        shift(round(d.integer_shift[0] * width), round(d.integer_shift[1] * height)),
        np.diag([d.scale, d.scale, 1]),
        rotation(d.rotation_before),
        np.diag([d.stretch, 1 / d.stretch, 1]),
        rotation(d.rotation_after),
        shift(d.fractional_shift[0] * width, d.fractional_shift[1] * height),
    ):
        G = step @ G
    return G


def test_inverse_map_inverts_the_paper_composition():
    actual = pipeline.inverse_map(jax.tree.map(jnp.asarray, STRONG), 12, 10)
    expected = np.linalg.inv(forward_map(STRONG, 12, 10))[:2]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def torch_warp(x, inverse):
    """The paper's procedure in PyTorch, float64, with convolutions and ``grid_sample``.

    The border is mirrored once, by all it can be.
    """
    H, W, C = x.shape
    taps = torch.tensor(warp.SYM6, dtype=torch.float64)
    taps = taps / taps.sum()
    n = len(taps)
    inverse = torch.tensor(np.vstack([inverse, [0, 0, 1]]), dtype=torch.float64)
    y = torch.tensor(x, dtype=torch.float64).permute(2, 0, 1)[:, None]
    y = functional.pad(y, (W - 1, W - 1, H - 1, H - 1), mode="reflect")

    up = torch.zeros(C, 1, 2 * y.shape[2], 2 * y.shape[3], dtype=torch.float64)
    up[:, :, ::2, ::2] = y
    up = functional.pad(up, (6, 5, 6, 5))
    flipped = 2 * taps.flip(0)
    up = functional.conv2d(up, flipped.view(1, 1, n, 1))
    up = functional.conv2d(up, flipped.view(1, 1, 1, n))

    # grid_sample wants coordinates from -1 to 1 between the outer edges; a fine pixel m of the
    # padded image is at m / 2 of its pixels.
    rows = (torch.arange(2 * H + 10) - 5) / 2 - (H - 1) / 2
    columns = (torch.arange(2 * W + 10) - 5) / 2 - (W - 1) / 2
    grid_y, grid_x = torch.meshgrid(rows.double(), columns.double(), indexing="ij")
    points = torch.stack([grid_x, grid_y, torch.ones_like(grid_x)], -1) @ inverse.T
    fine = 2 * (points[..., :2] + torch.tensor([(W - 1) / 2 + W - 1, (H - 1) / 2 + H - 1]))
    size = torch.tensor([up.shape[3], up.shape[2]])
    grid = ((2 * fine + 1) / size - 1)[None].expand(C, -1, -1, -1)
    sampled = functional.grid_sample(up, grid, align_corners=False)

    down = functional.conv2d(sampled, taps.view(1, 1, n, 1), stride=(2, 1))
    down = functional.conv2d(down, taps.view(1, 1, 1, n), stride=(1, 2))
    return down[:, 0, :H, :W].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 1.4},
        {"scale": 0.8, "rotation_before": 0.3},
        {"stretch": 1.2, "rotation_after": -2.0},
        {"fractional_shift": jnp.array([0.13, -0.21])},
        {k: v for k, v in STRONG._asdict().items() if k in ("flip", "quarter_turns", "scale")},
    ],
)
def test_warp_equals_pytorch(changes):
    x = image(16, 16)
    draws = jax.tree.map(jnp.asarray, IDENTITY._replace(**changes))
    inverse = pipeline.inverse_map(draws, 16, 16)
    np.testing.assert_allclose(
        warped(x, **changes), torch_warp(x, np.asarray(inverse)), rtol=1e-5, atol=2e-5
    )


def test_pixel_blitting():
    x = image()
    # Two to the right, one up, and the border mirrored: the filters undo each other.
    moved = warped(x, integer_shift=jnp.array([0.2, -1 / 12]))
    expected = np.pad(x, ((0, 1), (2, 0), (0, 0)), mode="reflect")[1:, :-2]
    np.testing.assert_allclose(moved, expected, atol=1e-5)
    # sym6 is only nearly symmetric, so a mirrored image is exact for low frequencies alone.
    wave = np.cos(np.pi * np.arange(16) / 15)
    smooth = (wave[:, None] + 0.5 * np.cos(2 * np.pi * np.arange(16) / 15))[..., None]
    sideways = smooth.swapaxes(0, 1)
    np.testing.assert_allclose(warped(sideways, flip=1.0), sideways[:, ::-1], atol=0.06)
    for turns in range(4):
        turned = warped(smooth, quarter_turns=float(turns))
        np.testing.assert_allclose(turned, np.rot90(smooth, turns), atol=0.06)


def test_the_mirror_goes_on_without_end():
    x = image(5, 4)
    moved = warped(x, integer_shift=jnp.array([3.0, 0.0]))  # 12 pixels: two periods of 6
    np.testing.assert_allclose(moved, x, atol=1e-5)


def test_the_filters_undo_each_other():
    for n in range(2, 40):
        at = (np.arange(2 * n + 10) - 5) % (4 * (n - 1))  # where an identity map samples
        up, down = (f(n).astype(np.float64) for f in (warp._upsampling, warp._downsampling))
        np.testing.assert_allclose(down @ up[at], np.eye(n), atol=1e-6)
        np.testing.assert_allclose(warp._bands(n).sum(0), np.eye(n), atol=1e-6)


def test_nothing_happens_for_p_zero():
    x = image()[None]
    function = jit(lambda x, p: augment.ada(KEY, x, p, transforms=augment.TRANSFORMS))
    np.testing.assert_allclose(function(x, 0.0), x, atol=1e-5)
    assert np.abs(function(x, 1.0) - x).max() > 0.1


# Colour, bands, corruption


def test_colour_map_equals_numpy():
    A, b = pipeline.color_map(jax.tree.map(jnp.asarray, STRONG))
    v = np.ones(3) / math.sqrt(3)
    points = np.random.default_rng(0).standard_normal((5, 3))
    actual = points @ np.asarray(A, np.float64).T + np.asarray(b)
    for point, result in zip(points, actual, strict=True):
        c = (point + 0.3) * 0.6
        c = c - 2 * v * (v @ c)
        angle = 1.1
        c = (
            c * math.cos(angle)
            + np.cross(v, c) * math.sin(angle)
            + v * (v @ c) * (1 - math.cos(angle))
        )
        grey = v * (v @ c)
        np.testing.assert_allclose(result, grey + 1.7 * (c - grey), rtol=1e-5, atol=1e-5)


def test_one_channel_is_grey():
    A, b = pipeline.color_map(jax.tree.map(jnp.asarray, STRONG))
    x = image(channels=1)
    grey = pipeline.recolor(jnp.repeat(x, 3, -1), A, b).mean(-1, keepdims=True)
    np.testing.assert_allclose(pipeline.recolor(x, A, b), grey, atol=1e-5)


def bank_from_the_lowest_band():
    """The paper's construction: upsample all bands so far, low-pass them, add the next."""
    low = np.array(warp.SYM2)
    high = low * [1, -1, 1, -1]
    low, high = np.convolve(low, low[::-1]) / 2, np.convolve(high, high[::-1]) / 2
    bank = [np.ones(1)]
    for _ in range(3):
        spread = [np.kron(b, [1, 0])[:-1] for b in bank]
        bank = [np.convolve(b, low) for b in spread]
        pad = (len(bank[0]) - len(high)) // 2
        bank.append(np.pad(high, pad))
    return np.stack(bank)


def test_wavelets_are_orthogonal():
    for taps in (np.array(warp.SYM6), np.array(warp.SYM2)):
        n = len(taps)
        products = [taps[2 * k :] @ taps[: n - 2 * k] for k in range(n // 2)]
        np.testing.assert_allclose(products, [1] + [0] * (n // 2 - 1), atol=1e-11)
        np.testing.assert_allclose(taps.sum(), math.sqrt(2), rtol=1e-11)


def test_filter_bank():
    np.testing.assert_allclose(warp.filter_bank(), bank_from_the_lowest_band(), atol=1e-12)


def test_band_gains_equal_pytorch():
    x, gains = image(26, 24), np.array([0.5, 2.0, 1.5, 0.25])
    taps = torch.tensor(gains @ bank_from_the_lowest_band())
    y = torch.tensor(x, dtype=torch.float64).permute(2, 0, 1)[:, None]
    y = functional.pad(y, (21, 21, 21, 21), mode="reflect")
    y = functional.conv2d(y, taps.view(1, 1, -1, 1))
    y = functional.conv2d(y, taps.view(1, 1, 1, -1))[:, 0].permute(1, 2, 0)
    actual = warp.amplify_bands(x, jnp.asarray(gains))
    np.testing.assert_allclose(actual, y.numpy(), rtol=1e-5, atol=2e-5)


def test_cut():
    x = np.ones((10, 8, 1), np.float32)
    out = pipeline.cut(x, jnp.float32(0.5), jnp.array([0.27, 0.88]))[..., 0]
    expected = np.ones((10, 8))
    for row in range(10):
        for column in range(8):
            if abs((column + 0.5) / 8 - 0.27) < 0.25 and abs((row + 0.5) / 10 - 0.88) < 0.25:
                expected[row, column] = 0
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(pipeline.cut(x, jnp.float32(0), jnp.array([0.5, 0.5])), x)
