"""PSNR and SSIM against SciPy's filter, and MATLAB's luma."""

import numpy as np
import pytest
from scipy import ndimage

from jaxgan.evaluation.metrics import fidelity


def pair(channels=3, seed=0):
    draw = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(draw.uniform(0, 255, (2, 24, 20, channels)), (0, 2, 2, 0))
    first = (smooth - smooth.min()) / np.ptp(smooth) * 255
    second = np.clip(first + draw.normal(0, 12, first.shape), 0, 255)
    return np.rint(first).astype(np.uint8), np.rint(second).astype(np.uint8)


def test_psnr_is_of_the_mean_squared_error_of_each_image():
    first, second = pair()
    for i, found in enumerate(fidelity.psnr(first, second)):
        error = ((first[i].astype(float) - second[i].astype(float)) ** 2).mean()
        assert found == pytest.approx(20 * np.log10(255 / np.sqrt(error)), rel=1e-12)
    assert np.isinf(fidelity.psnr(first, first)).all()
    assert fidelity.psnr(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 255)) == 0


def test_ssim_is_wangs():
    """With SciPy's Gaussian filter, of which the window is the middle."""
    first, second = pair()
    found = fidelity.ssim(first, second)

    def mean(x):
        return ndimage.gaussian_filter(x, 1.5, radius=5)[5:-5, 5:-5]

    for i in range(2):
        each = []
        for c in range(3):
            x, y = first[i, ..., c].astype(float), second[i, ..., c].astype(float)
            a, b = mean(x), mean(y)
            vx, vy, cov = mean(x * x) - a * a, mean(y * y) - b * b, mean(x * y) - a * b
            s = (2 * a * b + 2.55**2) * (2 * cov + 7.65**2)
            each.append((s / ((a * a + b * b + 2.55**2) * (vx + vy + 7.65**2))).mean())
        assert found[i] == pytest.approx(np.mean(each), rel=1e-9)
    np.testing.assert_allclose(fidelity.ssim(first, first), 1)


def test_luma_is_that_of_the_studio_range():
    """White, black and the primaries, as ``rgb2ycbcr`` gives them: 235, 16, 81, 145, 41."""
    colours = [(255,) * 3, (0,) * 3, (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    found = fidelity.luma(np.array(colours, np.uint8)[:, None, None])
    np.testing.assert_array_equal(np.rint(found.ravel()), [235, 16, 81, 145, 41])


def test_the_border_is_left_out():
    images = np.zeros((1, 8, 9, 1))
    images[:, 3:5, 3:6] = 1
    assert fidelity.without_border(images, 3).shape == (1, 2, 3, 1)
    assert fidelity.without_border(images, 3).min() == 1
    assert fidelity.without_border(images, 0).shape == images.shape


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="no inside of a border 4"):
        fidelity.without_border(np.zeros((1, 8, 9, 1)), 4)
    with pytest.raises(ValueError, match="11 pixels a side"):
        fidelity.ssim(np.zeros((1, 8, 16, 1)), np.zeros((1, 8, 16, 1)))
    for measure in (fidelity.psnr, fidelity.ssim):
        with pytest.raises(ValueError, match="images are"):
            measure(np.zeros((1, 16, 16, 1)), np.zeros((1, 16, 16, 3)))
