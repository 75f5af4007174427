"""A picture of points in the plane: real against generated ones, over what D says of each place."""

import math

import numpy as np
from PIL import Image

from jaxgan.watch.pictures import GRID_PIXELS
from jaxgan.watch.scatter import Colour, framed

# The square that is shown, and the places on a side of it where D is asked.
EDGE, SIDE = 1.1, 128
# Told apart by their brightness, too: black and a middling magenta on a ground that is light.
REAL: Colour = (0, 0, 0)
GENERATED: Colour = (197, 0, 122)
# Of logits that say generated, nothing and real: of ColorBrewer's RdBu, which all eyes tell apart.
GROUND: tuple[Colour, ...] = ((103, 169, 207), (247, 247, 247), (239, 138, 98))
# Shades on each side of zero: few enough that a frame of a GIF keeps every colour.
SHADES = 32
# The scale ends where so many of the logits end, within these bounds: below the first one D says
# nothing, beyond the second one (a probability of 5e-5) it is certain however large it grows.
SHARE, LEAST, MOST = 0.9, 0.1, 10.0


def places() -> np.ndarray:
    """Where D is asked, float32 [SIDE^2, 2]: row by row from above."""
    values = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * EDGE
    first, second = np.meshgrid(values, values[::-1])
    return np.stack([first, second], axis=-1).reshape(-1, 2).astype(np.float32)


def landscape(
    real: np.ndarray, generated: np.ndarray, logits: np.ndarray | None = None
) -> Image.Image:
    """Real points in black, and above them generated ones, smaller, in magenta: on [-1.1, 1.1]^2.

    Where black is left, real points lie that are not generated. Points beyond the square lie on its
    border, and those that are not finite are left out. The picture always has the same size.

    Args:
      real: [n, 2].
      generated: [m, 2].
      logits: D's at ``places``, [SIDE^2], for the ground: blue below 0, light grey at 0, red above.
        The legend states the scale, which is symmetric; see ``limit``. ``None``: a white ground.
    """
    pixels = np.full((GRID_PIXELS, GRID_PIXELS, 3), 255, np.uint8)
    names, colours = ["real", "generated"], [REAL, GENERATED]
    if logits is not None:
        logits = np.asarray(logits, np.float64).reshape(SIDE, SIDE)
        most = limit(logits)
        enlarge = GRID_PIXELS // SIDE
        pixels[:] = ground(logits / most).repeat(enlarge, axis=0).repeat(enlarge, axis=1)
        told = (most, most / 2, 0.0, -most / 2, -most)
        # A narrow legend in each case, so that frames are of one size.
        names += ["", *(f"D = {value:g}" for value in told)]
        shades = ground(np.array(told) / most).tolist()
        colours += [(255, 255, 255), *((r, g, b) for r, g, b in shades)]
    put(pixels, real, REAL, range(-1, 2))
    put(pixels, generated, GENERATED, range(2))
    return framed(pixels, EDGE, names, colours)


def limit(logits: np.ndarray) -> float:
    """The end of the scale: 1, 2 or 5 times a power of ten, so that it seldom changes in a run."""
    sizes = np.abs(logits[np.isfinite(logits)])
    most = np.quantile(sizes, SHARE).item() if len(sizes) else LEAST
    most = min(max(most, LEAST), MOST)
    power = 10.0 ** math.floor(math.log10(most))
    # The factor forgives the rounding of a logarithm.
    return next(step * power for step in (1, 2, 5, 10) if most <= step * power * 1.001)


def ground(parts: np.ndarray) -> np.ndarray:
    """Colours uint8 [..., 3] of parts of the scale, in [-1, 1]; what is no number is as 0."""
    parts = np.nan_to_num(np.asarray(parts, np.float64), nan=0.0).clip(-1, 1)
    shades = np.round(parts * SHADES) / SHADES
    bands = [np.interp(shades, (-1, 0, 1), band) for band in zip(*GROUND, strict=True)]
    return np.round(np.stack(bands, axis=-1)).astype(np.uint8)


def put(pixels: np.ndarray, points: np.ndarray, colour: Colour, spread: range) -> None:
    """Draws points, each as a square of pixels that spreads so far from its place."""
    points = np.asarray(points, np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    spots = (points / EDGE * [1, -1] + 1) / 2 * (GRID_PIXELS - 1)
    column, row = np.round(spots.clip(1, GRID_PIXELS - 2)).astype(int).T
    for down in spread:
        for right in spread:
            pixels[row + down, column + right] = colour
