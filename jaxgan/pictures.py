"""Pictures of samples: a grid of images or a density of points, and an animation of both."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan import files

# Small images are enlarged, without smoothing, so that a grid is about this wide.
GRID_PIXELS = 512
SEAM = 128
DENSITY_BINS = 128


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
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    # A line between neighbours: small digits run into each other without one.
    height, width = height + 1, width + 1
    tiles = np.full((rows * columns, height, width, channels), SEAM, np.uint8)
    tiles[:n, 1:, 1:] = to_bytes(images)
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    shown = Image.fromarray(sheet if channels == 3 else sheet[:, :, 0])
    factor = max(1, GRID_PIXELS // shown.width)
    return shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)


def density(points: np.ndarray) -> Image.Image:
    """A histogram of points [n, 2], y upwards; the root of the count, so that few still show."""
    counts, _, _ = np.histogram2d(
        points[:, 1], points[:, 0], bins=DENSITY_BINS, range=[[-1.1, 1.1], [-1.1, 1.1]]
    )
    shade = 255 * (1 - np.sqrt(counts / max(counts.max(), 1)))
    shown = Image.fromarray(np.ascontiguousarray(shade[::-1].astype(np.uint8)))
    return shown.resize((GRID_PIXELS, GRID_PIXELS), Image.Resampling.NEAREST)


def save(image: Image.Image, path: files.Place) -> None:
    """Writes a PNG, whole or not at all.

    Raises:
      WriteError: if it cannot be written.
    """
    with files.replacing(Path(path)) as new:
        image.save(new, format="PNG")


def animate(frames: list[Path], path: Path, seconds: float = 0.4) -> None:
    """Writes the PNG files ``frames`` as an endless GIF; the last one stays five times as long."""
    images = [Image.open(frame).convert("RGB") for frame in frames]
    durations = [int(seconds * 1000)] * (len(images) - 1) + [int(seconds * 5000)]
    with files.replacing(path) as new:
        images[0].save(
            new, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0
        )
