"""How near images come to the true ones: PSNR and SSIM, of luma or of colours.

As in the literature on super-resolution: of pixels in [0, 255], on the luma Y of ITU-R BT.601 in
its studio range [16, 235] (MATLAB's ``rgb2ycbcr``) or on R, G and B, without a border of as many
pixels as images were enlarged by.
"""

import numpy as np

# ``rgb2ycbcr``'s first row, of values in [0, 1].
LUMA, BLACK = np.array([65.481, 128.553, 24.966]), 16.0
K1, K2 = 0.01, 0.03
SIDE, SIGMA = 11, 1.5
RANGE = 255.0


def luma(images: np.ndarray) -> np.ndarray:
    """Y in [16, 235] of colours in [0, 255]: [n, H, W, 3] to float64 [n, H, W, 1]."""
    return (images.astype(np.float64) @ LUMA / 255 + BLACK)[..., None]


def without_border(images: np.ndarray, border: int) -> np.ndarray:
    """Images [n, H, W, C] without so many pixels at each side.

    Raises:
      ValueError: if nothing is left.
    """
    if min(images.shape[1:3]) <= 2 * border:
        raise ValueError(f"images of {list(images.shape[1:3])} have no inside of a border {border}")
    return images[:, border : images.shape[1] - border, border : images.shape[2] - border]


def psnr(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """``10 log10(255^2 / mean squared error)`` [n] in dB, over all values of an image.

    Infinite for an image that is its target.

    Args:
      images: [n, H, W, C] in [0, 255].
      targets: likewise.

    Raises:
      ValueError: if the shapes differ.
    """
    _alike(images, targets)
    error = np.square(images.astype(np.float64) - targets).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(RANGE**2 / error)


def ssim(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The mean structural similarity [n], over places and channels.

    Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity",
    eq. 13 with a Gaussian window of 11 and standard deviation 1.5, K1 = 0.01 and K2 = 0.03, at the
    places where the window lies inside.

    Args:
      images: [n, H, W, C] in [0, 255].
      targets: likewise.

    Raises:
      ValueError: if the shapes differ, or the window does not fit.
    """
    _alike(images, targets)
    if min(images.shape[1:3]) < SIDE:
        raise ValueError(f"SSIM needs {SIDE} pixels a side, not {list(images.shape[1:3])}")
    x, y = images.astype(np.float64), targets.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return (above / below).mean(axis=(1, 2, 3))


def _windowed(x: np.ndarray) -> np.ndarray:
    """Means under the Gaussian window, where it lies inside: [n, H - 10, W - 10, C]."""
    taps = np.exp(-(((np.arange(SIDE) - SIDE // 2) / SIGMA) ** 2) / 2)
    taps /= taps.sum()
    for axis in (1, 2):
        size = x.shape[axis] - SIDE + 1
        rows = (np.take(x, np.arange(i, i + size), axis) for i in range(SIDE))
        x = sum(tap * row for tap, row in zip(taps, rows, strict=True))
    return x


def _alike(images: np.ndarray, targets: np.ndarray) -> None:
    if images.shape != targets.shape:
        raise ValueError(f"images are {images.shape} and targets {targets.shape}")
