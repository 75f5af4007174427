"""Bicubic resampling as Pillow and MATLAB's ``imresize`` have it: smoothed where it makes smaller.

The kernel is Keys's (1981) with a = -0.5, stretched by the factor that an axis shrinks by. At a
border it is cut off and divided by its sum, as Pillow does; MATLAB mirrors the image there.
"""

import functools

import numpy as np


@functools.cache
def matrix(length: int, size: int) -> np.ndarray:
    """The weights float32 [size, length] along one axis of so many pixels."""
    scale = length / size
    stretch = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale
    x = np.abs(np.arange(length) + 0.5 - centres[:, None]) / stretch
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Images [B, H, W, C] as [B, height, width, C]; what leaves their range is cut off.

    Bytes are rounded once, at the end; floats are in [-1, 1].
    """
    pixels = np.matmul(matrix(images.shape[2], width), images.astype(np.float32))
    rows = pixels.reshape(*pixels.shape[:2], -1)
    pixels = np.matmul(matrix(images.shape[1], height), rows).reshape(len(rows), height, width, -1)
    if images.dtype == np.uint8:
        return np.rint(pixels.clip(0, 255)).astype(np.uint8)
    return pixels.clip(-1, 1)
