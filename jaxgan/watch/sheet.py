"""A sheet of images in rows and columns, each row and column with its name."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.watch import pictures

MARGIN, LINE, LONGEST = 6, 18, 24


def sheet(images: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> Image.Image:
    """Images [R, N, H, W, C] in [-1, 1], a row beneath the other, enlarged by a whole factor.

    Args:
      images: of grey or colour.
      rows: a name for each row, to its left; () for none.
      columns: a name for each column, above it; one that is too wide for it is left out.

    Raises:
      UserError: for so many that the picture would be too large.
    """
    R, N, H, W, C = images.shape
    factor = max(1, round(pictures.GRID_PIXELS / (N * (W + 1))))
    size = N * (W + 1) * factor, R * (H + 1) * factor
    pictures.check_size(*size)
    tiles = np.full((R, N, H + 1, W + 1, C), pictures.SEAM, np.uint8)
    tiles[:, :, 1:, 1:] = pictures.to_bytes(images)
    pixels = tiles.swapaxes(1, 2).reshape(R * (H + 1), N * (W + 1), C)
    shown = pictures.image(np.ascontiguousarray(pixels)).convert("RGB" if C == 3 else "L")
    shown = shown.resize(size, Image.Resampling.NEAREST)
    if not rows and not columns:
        return shown
    font = ImageFont.load_default(13)
    names = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in rows]
    left = math.ceil(max((font.getlength(name) for name in names), default=0))
    left, top = left + 2 * MARGIN if names else 0, LINE if columns else 0
    framed = Image.new(shown.mode, (left + shown.width, top + shown.height), "white")
    framed.paste(shown, (left, top))
    draw, wide, high = ImageDraw.Draw(framed), shown.width / N, shown.height / R
    for i, name in enumerate(names):
        draw.text((left - MARGIN, top + (i + 0.5) * high), name, "black", font, anchor="rm")
    for i, name in enumerate(columns):
        if font.getlength(name) < wide:
            draw.text((left + (i + 0.5) * wide, top - 3), name, "black", font, anchor="ms")
    return framed
