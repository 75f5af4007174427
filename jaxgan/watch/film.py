"""Images in order as a film: a GIF by Pillow, or an MP4 by the ``video`` extra's ffmpeg."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base import errors, files
from jaxgan.watch import pictures

SUFFIXES = (".gif", ".mp4")
# Pixels on the longer side that small images are enlarged to, about.
SIDE = 256
PER_SECOND = 12


def check(path: files.Place) -> None:
    """Refuses a film that could not be made here.

    Raises:
      UserError: for another ending than ``SUFFIXES``, or an MP4 without the ``video`` extra.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise errors.UserError(f"a film is written as {' or '.join(SUFFIXES)}, not {path!s}")
    if suffix == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise errors.UserError(
                'an MP4 needs ffmpeg: pip install "jaxgan[video]", or write a .gif'
            ) from error


def write(images: np.ndarray, path: files.Place, per_second: float = PER_SECOND) -> None:
    """Writes images [n, H, W, C] in [-1, 1] as an endless GIF or an MP4, by the ending of the path.

    Raises:
      UserError: as ``check`` does, or if it cannot be written.
    """
    path = Path(path)
    check(path)
    frames = [enlarged(pixels) for pixels in pictures.to_bytes(images)]
    with files.replacing(path) as new:
        if path.suffix == ".gif":
            frames[0].save(
                new,
                format="GIF",
                save_all=True,
                append_images=frames[1:],
                duration=round(1000 / per_second),
                loop=0,
            )
        else:
            write_mp4(frames, new, per_second)


def write_mp4(frames: list[Image.Image], path: Path, per_second: float) -> None:
    """Writes frames as H.264 in sides of even numbers of pixels, which its colours need."""
    import imageio_ffmpeg

    # With a signal of its own ffmpeg would be started by a plain fork, which may hang beside JAX.
    os.environ.setdefault("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")
    width, height = (side + side % 2 for side in frames[0].size)
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=per_second,
        quality=8,
        macro_block_size=2,
        # By name: the file has a passing one while it is written.
        output_params=["-f", "mp4", "-movflags", "+faststart"],
    )
    writer.send(None)
    try:
        for frame in frames:
            pixels = np.asarray(frame.convert("RGB"))
            missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
            writer.send(np.ascontiguousarray(np.pad(pixels, missing, mode="edge")))
    finally:
        writer.close()


def enlarged(pixels: np.ndarray) -> Image.Image:
    """One image, uint8 [H, W, C], by a whole factor."""
    shown = pictures.image(pixels)
    factor = max(1, SIDE // max(shown.size))
    return shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
