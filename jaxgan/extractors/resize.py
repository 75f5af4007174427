"""Resizing images for an extractor; to Inception's 299 x 299 as TensorFlow 1 or clean-fid does."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data import bicubic

SIZE = 299


def tf1(images: jax.Array, size: int = SIZE) -> jax.Array:
    """TensorFlow 1's bilinear rule, which the published FIDs were measured with.

    Output pixel i reads at ``i * input / size``: corners are not aligned, there are no half-pixel
    centres, and nothing is smoothed when an image shrinks. The arithmetic and its order are those
    of ``tf.compat.v1.image.resize_bilinear`` in float32.

    Args:
      images: [B, H, W, C] of any type.
      size: of the result.

    Returns:
      float32 [B, size, size, C] in the range of the images.
    """
    pixels = images.astype(jnp.float32)
    for axis in (2, 1):
        low, high, weight = _tf1_taps(images.shape[axis], size)
        shape = [1, 1, 1, 1]
        shape[axis] = size
        below = jnp.take(pixels, low, axis=axis)
        above = jnp.take(pixels, high, axis=axis)
        pixels = below + (above - below) * weight.reshape(shape)
    return pixels


def antialiased(images: jax.Array, size: int = SIZE) -> jax.Array:
    """clean-fid's rule: Pillow's bicubic of each channel as floats, cut off to [0, 255].

    Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation";
    ``make_resizer('PIL', False, 'bicubic', (299, 299))`` in their code: not rounded to bytes.

    Args:
      images: [B, H, W, C] of any type, in [0, 255].
      size: of the result.

    Returns:
      float32 [B, size, size, C] in [0, 255].
    """
    rows = bicubic.matrix(images.shape[1], size)
    columns = bicubic.matrix(images.shape[2], size)
    pixels = images.astype(jnp.float32)
    pixels = jnp.einsum("ow,bhwc->bhoc", columns, pixels, precision="highest")
    pixels = jnp.einsum("oh,bhwc->bowc", rows, pixels, precision="highest")
    return jnp.clip(pixels, 0, 255)


def bilinear(images: jax.Array, size: int) -> jax.Array:
    """Linearly between the centres of pixels, and smoothed where an image shrinks.

    A product of matrices, so that losses are quickly differentiated through it; no measured figure
    uses it.

    Args:
      images: [B, H, W, C] float32.
      size: of the result.

    Returns:
      [B, size, size, C] in the range of the images.
    """
    rows, columns = (_bilinear_weights(length, size) for length in images.shape[1:3])
    pixels = jnp.einsum("oh,bhwc->bowc", rows, images, precision="highest")
    return jnp.einsum("ow,bhwc->bhoc", columns, pixels, precision="highest")


RULES: dict[str, Callable[[jax.Array], jax.Array]] = {"tf1": tf1, "antialiased": antialiased}


@functools.cache
def _tf1_taps(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels [size] that each output pixel lies between, and the second one's weight."""
    # In float32 as TensorFlow does it: in float64 some positions fall into the next pixel.
    positions = np.arange(size, dtype=np.float32) * (np.float32(length) / np.float32(size))
    low = np.floor(positions).astype(np.int32)
    high = np.minimum(low + 1, length - 1)
    return low, high, positions - low.astype(np.float32)


@functools.cache
def _bilinear_weights(length: int, size: int) -> np.ndarray:
    """Of each pixel [length] in each output pixel [size]."""
    places = (np.arange(size) + 0.5) * length / size - 0.5
    apart = np.abs(places[:, None] - np.arange(length)) / max(length / size, 1.0)
    weights = np.maximum(0.0, 1 - apart)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
