"""Pictures of samples: a grid of images or a density of points, and an animation of a run's."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base import errors, files

# Small images are enlarged, without smoothing, so that a grid is about this wide.
GRID_PIXELS = 512
SEAM = 128
DENSITY_BINS = 128
# Pixels of a picture at most: of more, Pillow warns whoever opens it.
LARGEST = 89_000_000
# Bytes of a run's picture of points, see ``landscape``, and of a frame of it.
POINTS, POINTS_FRAME = 30_000, 50_000
# Of an animation at most: frames, and pixels on a side of one.
FRAMES, FRAME_PIXELS = 100, 1040


def picture(samples: np.ndarray) -> Image.Image:
    """Samples [n, H, W, C] in [-1, 1] as a grid; points [n, 2] as their density on [-1, 1]^2."""
    return grid(samples) if samples.ndim == 4 else density(samples)


def to_bytes(samples: np.ndarray) -> np.ndarray:
    """Values in [-1, 1] as uint8 (values outside are cut off)."""
    return np.round((np.clip(samples, -1, 1) + 1) * 127.5).astype(np.uint8)


def grid(images: np.ndarray) -> Image.Image:
    """Images [n, H, W, C] in rows of about the root of n, in grey (C = 1) or colour (C = 3).

    Any other number of channels is shown by the first one.
    """
    n, height, width, channels = images.shape
    rows, columns = layout(n)
    # A line between neighbours: small digits run into each other without one.
    height, width = height + 1, width + 1
    tiles = np.full((rows * columns, height, width, channels), SEAM, np.uint8)
    tiles[:n, 1:, 1:] = to_bytes(images)
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    shown = image(sheet)
    factor = max(1, GRID_PIXELS // shown.width)
    return shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)


def image(pixels: np.ndarray) -> Image.Image:
    """One image, uint8 [H, W, C], in grey or in colour; of other channels the first."""
    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[:, :, 0])


def beside(sides: Sequence[np.ndarray]) -> np.ndarray:
    """Images [n, H, W, C] of several kinds, one beside the other: [n, H, all W, C].

    Grey ones become coloured beside coloured ones, and smaller ones are enlarged by whole factors.
    """
    channels = max(side.shape[-1] for side in sides)
    height = max(side.shape[1] for side in sides)

    def like(side: np.ndarray) -> np.ndarray:
        side = np.asarray(side)
        factor = max(1, height // side.shape[1])
        side = side.repeat(factor, axis=1).repeat(factor, axis=2)
        missing = height - side.shape[1]
        side = np.pad(side, ((0, 0), (0, missing), (0, 0), (0, 0)), constant_values=-1)
        return np.repeat(side, channels, axis=-1) if side.shape[-1] == 1 else side

    return np.concatenate([like(side) for side in sides], axis=2)


def layout(n: int) -> tuple[int, int]:
    """Rows and columns of a grid of n."""
    columns = math.ceil(math.sqrt(n))
    return math.ceil(n / columns), columns


def sizes(n: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """About how many bytes a run's picture of n samples of this shape takes, and a frame of it.

    As if samples were noise, which no compression makes smaller; enlarging adds little to a PNG.
    """
    if len(shape) < 3:
        return POINTS, POINTS_FRAME
    height, width, channels = shape
    rows, columns = layout(n)
    factor = max(1, GRID_PIXELS // (columns * (width + 1)))
    pixels = factor**2 * rows * (height + 1) * columns * (width + 1)
    return n * height * width * (3 if channels == 3 else 1), min(pixels, FRAME_PIXELS**2)


def density(points: np.ndarray) -> Image.Image:
    """A histogram of points [n, 2], y upwards; the root of the count, so that few still show."""
    counts, _, _ = np.histogram2d(
        points[:, 1], points[:, 0], bins=DENSITY_BINS, range=[[-1.1, 1.1], [-1.1, 1.1]]
    )
    shade = 255 * (1 - np.sqrt(counts / max(counts.max(), 1)))
    shown = Image.fromarray(np.ascontiguousarray(shade[::-1].astype(np.uint8)))
    return shown.resize((GRID_PIXELS, GRID_PIXELS), Image.Resampling.NEAREST)


def check_size(width: int, height: int) -> None:
    """Refuses a picture of more pixels than ``LARGEST``.

    Raises:
      UserError: if it is.
    """
    if width * height > LARGEST:
        raise errors.UserError(
            f"a picture of {width:,} x {height:,} pixels is too large; take a smaller --n, or "
            "write an .npz"
        )


def save(image: Image.Image, path: files.Place) -> None:
    """Writes a PNG, whole or not at all.

    Raises:
      WriteError: if it cannot be written.
    """
    with files.replacing(Path(path)) as new:
        image.save(new, format="PNG")


def animate(paths: list[Path], path: Path, seconds: float = 0.4) -> None:
    """Writes the PNG files ``paths`` as an endless GIF; the last one stays five times as long.

    Of more than ``FRAMES`` it takes so many, evenly, with the first and the last; wide ones are
    made smaller. One is open at a time, and Pillow keeps a byte for each pixel of a frame.
    """
    shown = choose(paths)
    durations = [int(seconds * 1000)] * (len(shown) - 1) + [int(seconds * 5000)]
    others = map(frame, shown[1:])
    with files.replacing(path) as new:
        frame(shown[0]).save(
            new, format="GIF", save_all=True, append_images=others, duration=durations, loop=0
        )


def choose(paths: list[Path]) -> list[Path]:
    """At most ``FRAMES`` of them, evenly spaced, with the first and the last."""
    index = np.linspace(0, len(paths) - 1, min(len(paths), FRAMES)).round().astype(int)
    return [paths[i] for i in index]


def frame(path: Path) -> Image.Image:
    """A picture of the animation, read whole; a grey one has colours enough as it is."""
    with Image.open(path) as image:
        shown = image.copy() if image.mode == "L" else image.convert("RGB")
    shown.thumbnail((FRAME_PIXELS, FRAME_PIXELS))
    return shown
