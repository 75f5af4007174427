"""Bicubic resampling against Pillow, and against the kernel written out."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import bicubic


@pytest.mark.parametrize(("height", "width"), [(4, 6), (16, 24), (37, 50), (5, 50)])
def test_it_is_pillows(height, width):
    images = np.random.default_rng(0).uniform(0, 1, (2, 16, 24, 3)).astype(np.float32)
    found = bicubic.resize(images, height, width)
    size, rule = (width, height), Image.Resampling.BICUBIC
    for image, ours in zip(images, found, strict=True):
        planes = [Image.fromarray(image[..., c].copy()).resize(size, rule) for c in range(3)]
        np.testing.assert_allclose(ours, np.stack(planes, -1).clip(-1, 1), atol=1e-5)


def test_bytes_are_rounded_once_and_cut_off():
    images = (np.random.default_rng(0).integers(0, 2, (3, 12, 8, 1)) * 255).astype(np.uint8)
    exact = bicubic.resize((images / 255).astype(np.float32), 24, 4) * 255
    found = bicubic.resize(images, 24, 4)
    assert found.dtype == np.uint8
    assert found.shape == (3, 24, 4, 1)
    assert np.abs(found - exact.clip(0, 255)).max() < 0.5 + 1e-3


def test_inside_the_weights_are_the_stretched_kernels():
    """As in ``imresize``: ``h(x / 4) / 4`` of the distance x to the centre of the output pixel."""
    row = bicubic.matrix(64, 16)[8]
    x = np.abs(np.arange(64) - (8 * 4 + 1.5)) / 4
    kernel = np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2) * (
        x <= 2
    )
    np.testing.assert_allclose(row, kernel / 4, atol=1e-6)
