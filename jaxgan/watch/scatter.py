"""A picture of points in the plane, coloured by label, with a legend."""

import colorsys
import itertools
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.watch.pictures import GRID_PIXELS

Colour = tuple[int, int, int]
# Ten that can be told apart: Tableau's.
TEN: tuple[Colour, ...] = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
)
UNKNOWN: Colour = (200, 200, 200)
MARGIN, LINE, NAME = 28, 20, 14
# Classes in a column of the legend, and columns at most.
COLUMN, COLUMNS = GRID_PIXELS // LINE, 3
SHARE = 0.999


def scatter(
    points: np.ndarray, labels: np.ndarray | None = None, classes: Sequence[str] = ()
) -> Image.Image:
    """Points [n, 2] on a square around 0, the first axis to the right and the second one upwards.

    The square holds 99.9 % of the points on each axis, and at least [-3, 3]; those beyond lie on
    its border, and those that are not finite are left out.

    Args:
      points: in any range.
      labels: integers [n]; one outside of the classes is grey. ``None``: all are of one colour.
      classes: a name for each label, for the legend.
    """
    points, colours = np.asarray(points, np.float64), palette(len(classes))
    finite = np.isfinite(points).all(axis=1)
    points = points[finite]
    edge = math.ceil(max(3.0, *np.quantile(np.abs(points), SHARE, axis=0))) if len(points) else 3
    shade = np.broadcast_to(np.array(TEN[0]), (len(points), 3))
    if labels is not None:
        known = np.asarray(labels)[finite]
        inside = (known >= 0) & (known < len(classes))
        shade = np.array([*colours, UNKNOWN])[np.where(inside, known, len(classes))]
    pixels = np.full((GRID_PIXELS, GRID_PIXELS, 3), 255, np.uint8)
    places = (points / edge * [1, -1] + 1) / 2 * (GRID_PIXELS - 1)
    column, row = np.round(places.clip(1, GRID_PIXELS - 2)).astype(int).T
    # As if drawn in no order: else the last class of a sorted set would hide the others.
    order = np.random.Generator(np.random.Philox(0)).permutation(len(points))
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        pixels[row[order] + down, column[order] + right] = shade[order]
    told = tuple(classes) if labels is not None else ()
    return framed(pixels, edge, told, colours)


def framed(
    pixels: np.ndarray, edge: float, classes: Sequence[str], colours: Sequence[Colour]
) -> Image.Image:
    """The square with its scale below and to the left, and the legend to the right."""
    shown = list(classes[: COLUMN * COLUMNS])
    if len(classes) > len(shown):
        shown[-1] = "..."
    font, columns = ImageFont.load_default(14), math.ceil(len(shown) / COLUMN)
    names = [name if len(name) <= NAME else f"{name[: NAME - 1]}…" for name in shown]
    wide = 32 + math.ceil(max((font.getlength(name) for name in names), default=0))
    left, right = MARGIN, MARGIN + GRID_PIXELS
    sheet = Image.new("RGB", (right + 8 + columns * wide, GRID_PIXELS + MARGIN + 8), "white")
    sheet.paste(Image.fromarray(pixels), (left, 8))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left - 1, 7, right, 8 + GRID_PIXELS), outline="black")
    for value in (-edge, 0, edge):
        part = (value / edge + 1) / 2 * (GRID_PIXELS - 1)
        draw.text((left + part, GRID_PIXELS + 12), str(value), "black", font, anchor="mt")
        draw.text((left - 5, 8 + GRID_PIXELS - 1 - part), str(value), "black", font, anchor="rm")
    for i, name in enumerate(names):
        x, y = right + 10 + i // COLUMN * wide, 8 + i % COLUMN * LINE
        if name not in ("", "..."):
            draw.rectangle((x, y + 2, x + 11, y + 13), fill=colours[i])
        draw.text((x + 18, y + 8), name, "black", font, anchor="lm")
    return sheet


def palette(n: int) -> list[Colour]:
    """A colour, uint8 RGB, for each of n classes."""
    if n <= len(TEN):
        return list(TEN[:n])
    # Neighbours in number differ in brightness too.
    shades = (colorsys.hsv_to_rgb(i / n, 0.9, (0.95, 0.65)[i % 2]) for i in range(n))
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in shades]
