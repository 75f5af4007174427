"""Power spectra: how much of an image is of which frequency, of real ones against generated ones.

Durall et al. 2020, "Watch Your Up-Convolution: CNN Based Generative Deep Neural Networks Are
Failing to Reproduce Spectral Distributions" (arXiv:2003.01826), equations 1 and 2: transposed
convolutions leave too much, or too little, at the high frequencies.
"""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.base import errors

WIDTH, HEIGHT, MARGIN = 560, 360, 48
BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


@dataclasses.dataclass(frozen=True)
class Spectra:
    """Of real and of generated images.

    Attributes:
      frequency: cycles over the shorter side, [R]: 0, 1, 2, ...
      real: the mean power at each, float64 [R].
      generated: likewise.
      gap: the mean distance of the logarithms to base 10 over frequencies from 1 on.
    """

    frequency: np.ndarray
    real: np.ndarray
    generated: np.ndarray
    gap: float


def spectrum(images: np.ndarray) -> np.ndarray:
    """The azimuthal mean of the power of images [n, H, W, C], a mean over them: float64 [R].

    ``|F(u, v)|^2`` of the grey image (the mean of its channels), over H W, averaged over the
    frequencies whose distance from 0 rounds to r, for r from 0 to half of the shorter side. In an
    oblong image distance is in cycles over the shorter side.

    Raises:
      UserError: if they are no images.
    """
    images = np.asarray(images, np.float64)
    if images.ndim != 4 or not images.size:
        raise errors.UserError(f"images must be [n, H, W, C], not {list(images.shape)}")
    n, H, W, _ = images.shape
    side = min(H, W)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(H), np.fft.fftfreq(W), indexing="ij")) * side
    ring = np.rint(radius).astype(int).reshape(-1)
    total = np.zeros(H * W)
    for image in images:
        total += np.square(np.abs(np.fft.fft2(image.mean(axis=-1)))).reshape(-1)
    power = np.bincount(ring, total / (n * H * W)) / np.bincount(ring)
    return power[: side // 2 + 1]


def real_and_generated(real: np.ndarray, generated: np.ndarray) -> Spectra:
    """The ``spectrum`` of both, images [n, H, W, C] in [-1, 1] of one shape.

    Raises:
      UserError: if they are no images, or of two shapes.
    """
    if np.shape(real)[1:] != np.shape(generated)[1:]:
        raise errors.UserError(
            f"real images {list(np.shape(real)[1:])} and generated ones "
            f"{list(np.shape(generated)[1:])} must be of one shape"
        )
    a, b = spectrum(real), spectrum(generated)
    least = np.finfo(np.float64).tiny
    apart = np.abs(np.log10(np.maximum(a, least)) - np.log10(np.maximum(b, least)))
    gap = float(apart[1:].mean()) if len(apart) > 1 else 0.0
    return Spectra(np.arange(len(a)), a, b, gap)


def picture(spectra: Spectra) -> Image.Image:
    """Both curves, the power on a scale of powers of ten."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    curves = [np.log10(np.maximum(x, 1e-12)) for x in (spectra.real, spectra.generated)]
    low, high = (round(f(np.concatenate(curves))) for f in (np.min, np.max))
    low, high = (
        int(min(low, np.floor(min(map(np.min, curves))))),
        int(max(high, np.ceil(max(map(np.max, curves))))),
    )
    high = max(high, low + 1)
    left, right, top, bottom = MARGIN, WIDTH - MARGIN // 2, MARGIN // 2, HEIGHT - MARGIN

    def place(r: float, value: float) -> tuple[float, float]:
        across = r / max(len(spectra.frequency) - 1, 1)
        up = (value - low) / (high - low)
        return left + across * (right - left), bottom - up * (bottom - top)

    for power in range(low, high + 1):
        y = place(0, power)[1]
        draw.line((left, y, right, y), (225, 225, 225))
        draw.text((left - 6, y), f"1e{power}", "black", font, anchor="rm")
    step = max(1, (len(spectra.frequency) - 1) // 8)
    for r in range(0, len(spectra.frequency), step):
        draw.text((place(r, low)[0], bottom + 6), str(r), "black", font, anchor="mt")
    draw.text(((left + right) / 2, HEIGHT - 6), "cycles over the shorter side", "black", font, "ms")
    draw.rectangle((left, top, right, bottom), outline="black")
    both = zip(curves, (BLUE, ORANGE), ("real", "generated"), strict=True)
    for i, (curve, colour, name) in enumerate(both):
        draw.line([place(r, value) for r, value in enumerate(curve)], colour, 2)
        draw.text((right - 8, top + 8 + 18 * i), name, colour, font, anchor="rt")
    return image
