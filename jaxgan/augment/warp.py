"""ADA's signal processing on one image ``[H, W, C]``: a warp without aliasing, and band gains.

All filters are linear along an axis, so each is a matrix, built once for a size with the mirrored
border in it: a product of matrices differentiates, batches and shards well everywhere, and its
second derivative is as plain as its first.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

# Low-pass filters of Daubechies' symlets with 6 and 2 vanishing moments; their squares sum to 1.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
BANDS = 4


def warp(image: jax.Array, inverse: jax.Array) -> jax.Array:
    """The image seen through an affine map, mirrored beyond its border without end.

    Upsampled twofold, sampled bilinearly, downsampled twofold: where the map is the identity,
    the filters undo each other. Karras et al. 2020, appendix B.2: the authors' code mirrors once,
    by as much as the batch at hand needs, and has zeros beyond; this does not look at the batch.

    Args:
      image: ``[H, W, C]``, float32, of two pixels or more each way.
      inverse: ``[2, 3]``, from output to input: x, y in pixels from the image's centre.
    """
    H, W, _ = image.shape
    fine = _separable(_upsampling(H), _upsampling(W), image)
    # Fine row m lies at row m / 2 of the image. Five more before and after feed the filter.
    rows, columns = (jnp.arange(-5, 2 * n + 5, dtype=jnp.float32) / 2 - (n - 1) / 2 for n in (H, W))
    x = inverse[0, 0] * columns[None, :] + inverse[0, 1] * rows[:, None] + inverse[0, 2]
    y = inverse[1, 0] * columns[None, :] + inverse[1, 1] * rows[:, None] + inverse[1, 2]
    sampled = _bilinear(fine, 2 * y + (H - 1), 2 * x + (W - 1))
    return _separable(_downsampling(H), _downsampling(W), sampled)


def amplify_bands(image: jax.Array, gains: jax.Array) -> jax.Array:
    """The image with its four octave bands, low to high, scaled by ``gains`` ``[4]``.

    Along both axes with the same filter, the border mirrored. Karras et al. 2020, appendix B.2.
    """
    rows, columns = (
        jnp.einsum("b,bij->ij", gains, _bands(n), precision="highest") for n in image.shape[:2]
    )
    return _separable(rows, columns, image)


def _separable(
    rows: jax.Array | np.ndarray, columns: jax.Array | np.ndarray, image: jax.Array
) -> jax.Array:
    image = jnp.einsum("ih,hwc->iwc", rows, image, precision="highest")
    return jnp.einsum("jw,iwc->ijc", columns, image, precision="highest")


def _bilinear(image: jax.Array, y: jax.Array, x: jax.Array) -> jax.Array:
    """Samples at fractional rows and columns of an image that repeats without end."""
    H, W, C = image.shape
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    y0, x0 = top.astype(jnp.int32) % H, left.astype(jnp.int32) % W
    y1, x1 = (y0 + 1) % H, (x0 + 1) % W
    flat = image.reshape(H * W, C)

    def at(y: jax.Array, x: jax.Array) -> jax.Array:
        return flat.at[y * W + x].get(mode="promise_in_bounds")

    upper = at(y0, x0) * (1 - right) + at(y0, x1) * right
    lower = at(y1, x0) * (1 - right) + at(y1, x1) * right
    return upper * (1 - down) + lower * down


def _mirror(i: np.ndarray | int, n: int) -> np.ndarray:
    i = np.abs(i) % (2 * (n - 1))
    return np.minimum(i, 2 * (n - 1) - i)


@cache
def _upsampling(n: int) -> np.ndarray:
    """``[4 (n - 1), n]``: one period of the mirrored signal, twice as fine."""
    taps = np.asarray(SYM6) * np.sqrt(2)  # gain 2, of a filter that sums to 1
    matrix = np.zeros((4 * (n - 1), n))
    for m in range(len(matrix)):
        for k in range((m + 1) % 2, len(taps), 2):  # others meet the zeros between samples
            matrix[m, _mirror((m + 5 - k) // 2, n)] += taps[k]
    return matrix.astype(np.float32)


@cache
def _downsampling(n: int) -> np.ndarray:
    """``[n, 2 n + 10]``: the adjoint filter, at every other of the samples ``warp`` takes."""
    taps = np.asarray(SYM6) / np.sqrt(2)
    matrix = np.zeros((n, 2 * n + 10))
    for i in range(n):
        matrix[i, 2 * i : 2 * i + len(taps)] = taps
    return matrix.astype(np.float32)


@cache
def _bands(n: int) -> np.ndarray:
    """``[4, n, n]``: for each band its filter along an axis of n, the border mirrored."""
    bank = filter_bank()
    matrix = np.zeros((BANDS, n, n))
    for i in range(n):
        for k in range(bank.shape[1]):
            matrix[:, i, _mirror(i + k - bank.shape[1] // 2, n)] += bank[:, k]
    return matrix.astype(np.float32)


@cache
def filter_bank() -> np.ndarray:
    """``[4, 43]``: zero-phase filters of four octaves that add up to the unit impulse.

    With H the low-pass filter of sym2, its power ``H(z) H(1/z) / 2`` halves a band and that of
    ``H(-z)`` is the other half. The highest octave is split off first here, so band b is the
    upper half of what b to 3 have left; the paper builds the same from the lowest up.
    """
    low, high = (np.convolve(h, h[::-1]) / 2 for h in _halves())
    length = 43
    bank = np.zeros((BANDS, length))
    rest = np.ones(1)
    for octave, band in enumerate(range(BANDS - 1, 0, -1)):
        step = 2**octave
        upper, lower = (np.convolve(rest, _dilate(h, step)) for h in (high, low))
        bank[band] = _centre(upper, length)
        rest = lower
    bank[0] = _centre(rest, length)
    return bank


def _halves() -> tuple[np.ndarray, np.ndarray]:
    low = np.asarray(SYM2)
    return low, low * (-1.0) ** np.arange(len(low))


def _dilate(taps: np.ndarray, step: int) -> np.ndarray:
    out = np.zeros((len(taps) - 1) * step + 1)
    out[::step] = taps
    return out


def _centre(taps: np.ndarray, length: int) -> np.ndarray:
    before = (length - len(taps)) // 2
    return np.pad(taps, (before, length - len(taps) - before))
