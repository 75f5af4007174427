import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.extractors import resize


def images(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (2, height, width, channels), dtype=np.uint8)


def tensorflow_1(image, size):
    """TensorFlow 1's kernel, pixel by pixel: legacy scaler, then left-right, then top-bottom."""
    height, width, _ = image.shape
    source = image.astype(np.float32)
    result = np.zeros((size, size, image.shape[2]), np.float32)

    def taps(i, length):
        at = np.float32(i) * (np.float32(length) / np.float32(size))
        low = int(np.floor(at))
        return low, min(low + 1, length - 1), np.float32(at - np.float32(low))

    for y in range(size):
        top, bottom, dy = taps(y, height)
        for x in range(size):
            left, right, dx = taps(x, width)
            above = source[top, left] + (source[top, right] - source[top, left]) * dx
            below = source[bottom, left] + (source[bottom, right] - source[bottom, left]) * dx
            result[y, x] = above + (below - above) * dy
    return result


def pillow(image, size):
    """clean-fid's resizer."""
    channels = [
        Image.fromarray(channel.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC)
        for channel in image.transpose(2, 0, 1)
    ]
    return np.stack([np.asarray(channel) for channel in channels], -1).clip(0, 255)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (32, 32), (47, 47), (61, 100)])
def test_tf1_is_tensorflows_kernel(height, width):
    """To the bit; compiled, where products and sums may be joined, to a rounding."""
    batch = images(height, width)
    expected = [tensorflow_1(image, 47) for image in batch]
    found = resize.tf1(batch, 47)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    compiled = jax.jit(resize.tf1, static_argnums=1)(batch, 47)
    np.testing.assert_allclose(compiled, expected, atol=1e-4)


def test_tf1_reads_at_the_corner_of_a_pixel():
    """Twice as large: every second pixel is one of the image, the last is repeated."""
    row = np.array([0, 100, 40], np.uint8).reshape(1, 1, 3, 1)
    found = np.asarray(resize.tf1(row, 6))[0, 0, :, 0]
    assert found.tolist() == [0, 50, 100, 70, 40, 40]
    # And an image that shrinks is not smoothed.
    assert np.asarray(resize.tf1(images(6, 6), 3)).tolist() == images(6, 6)[:, ::2, ::2].tolist()


@pytest.mark.parametrize("size", [32, 299])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 28), (32, 32), (299, 310), (64, 640)])
def test_antialiased_is_pillows_bicubic(height, width, size):
    batch = images(height, width)
    found = np.asarray(jax.jit(resize.antialiased, static_argnums=1)(batch, size))
    assert found.shape == (2, size, size, 3)
    assert found.dtype == np.float32
    for image, result in zip(batch, found, strict=True):
        np.testing.assert_allclose(result, pillow(image, size), atol=1e-3)


def test_antialiased_is_cut_off_and_not_rounded():
    step = np.zeros((1, 4, 4, 1), np.uint8)
    step[:, :, 2:] = 255
    found = np.asarray(resize.antialiased(step, 64))
    assert found.min() == 0
    assert found.max() == 255
    assert np.any(found != np.round(found))


@pytest.mark.parametrize("rule", ["tf1", "antialiased"])
def test_an_image_of_the_size_stays_as_it_is(rule):
    batch = images(299, 299, 1)
    np.testing.assert_allclose(resize.RULES[rule](batch), batch, atol=1e-4)


@pytest.mark.parametrize("size", [3, 7, 20])
def test_bilinear_is_that_of_jax(size):
    images = jax.random.uniform(jax.random.key(0), (2, 7, 10, 3))
    expected = jax.image.resize(images, (2, size, size, 3), "linear")
    np.testing.assert_allclose(resize.bilinear(images, size), expected, rtol=1e-5, atol=1e-6)
