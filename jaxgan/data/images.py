"""Single images: decoding a file, and bringing one to the size and channels that were asked for."""

import pathlib

import numpy as np
from PIL import Image, ImageOps

from jaxgan.base.errors import UserError
from jaxgan.data.source import one_line

_GREY = ("1", "L", "LA", "La")
_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow's own conversion to grey


def fitted(shape: tuple[int, ...], image_size: int, channels: int) -> tuple[int, int, int]:
    """The shape (H, W, C) that ``fit`` gives an image of ``shape``."""
    H, W, C = shape
    if image_size:
        H = W = image_size
    return H, W, channels or C


def fit(image: np.ndarray, image_size: int, channels: int) -> np.ndarray:
    """The image [H, W, C], uint8 or float32 in [-1, 1], at another size and number of channels.

    Where the size differs, the largest centred square is cut out and resampled (Lanczos, with
    antialiasing, clipped to the range); grey is repeated into three channels, and three become
    ITU-R 601 luma. A size or a number of channels of 0 keeps the image's own.
    """
    if channels and channels != image.shape[-1]:
        image = _recolour(image, channels)
    if image_size and image.shape[:2] != (image_size, image_size):
        image = _resize(_crop(image), image_size)
    return image


def _recolour(image: np.ndarray, channels: int) -> np.ndarray:
    if channels == 3:
        return np.repeat(image[..., :1], 3, axis=-1)
    luma = (image.astype(np.float32) @ _LUMA)[..., None]
    return np.round(luma).astype(np.uint8) if image.dtype == np.uint8 else luma


def _crop(image: np.ndarray) -> np.ndarray:
    H, W = image.shape[:2]
    side = min(H, W)
    top, left = (H - side) // 2, (W - side) // 2
    return image[top : top + side, left : left + side]


def _resize(image: np.ndarray, size: int) -> np.ndarray:
    # Channel by channel: Pillow has no float image of several channels.
    planes = [
        Image.fromarray(np.ascontiguousarray(image[..., c])).resize(
            (size, size), Image.Resampling.LANCZOS
        )
        for c in range(image.shape[-1])
    ]
    resized = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    return resized if image.dtype == np.uint8 else np.clip(resized, -1.0, 1.0)


def header(path: pathlib.Path) -> tuple[int, int, int]:
    """The shape (H, W, C) that ``decode`` will give, from the file's header alone.

    Raises:
      UserError: the header cannot be read, naming the file.
    """
    try:
        with Image.open(path) as image:
            W, H = image.size
            # Asked for EXIF data that a PNG does not have up front, Pillow decodes it all.
            known = image.format != "PNG" or "exif" in image.info
            if known and image.getexif().get(0x0112) in _TURNED:
                H, W = W, H
            return H, W, 1 if image.mode in _GREY or image.mode.startswith("I;16") else 3
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them into
        raise _bad(path, error) from error


def frames(path: pathlib.Path) -> int:
    """How many images a file holds, of which ``decode`` takes the first.

    Raises:
      UserError: the header cannot be read, naming the file.
    """
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1)
    except Exception as error:  # see header()
        raise _bad(path, error) from error


def decode(path: pathlib.Path) -> np.ndarray:
    """The image in a file: uint8 [H, W, C], C = 1 for grey files and 3 for all others.

    It is turned upright as its EXIF orientation says, transparent pixels lie on white, and 16-bit
    grey keeps its upper 8 bits.

    Raises:
      UserError: the file is no image, or damaged, or cut short; it names the file.
    """
    try:
        with Image.open(path) as image:
            return _pixels(ImageOps.exif_transpose(image))
    except Exception as error:  # see header()
        raise _bad(path, error) from error


def is_deep(path: pathlib.Path) -> bool:
    """Whether a file stores 16 bits a channel, of which ``decode`` keeps the upper 8.

    Raises:
      UserError: the header cannot be read, naming the file.
    """
    try:
        with Image.open(path) as image:
            # Pillow itself brings 16-bit colour to 8 bits: only the raw mode of its reader tells.
            raw = [str(tile[3]) for tile in image.tile]
            return image.mode.startswith("I;16") or any(mode.endswith(";16B") for mode in raw)
    except Exception as error:  # see header()
        raise _bad(path, error) from error


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255 instead of scaling.
        return (np.asarray(image) >> 8).astype(np.uint8)[..., None]
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode!r} have no known range")
    grey = image.mode in _GREY
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    array = np.asarray(image.convert("L" if grey else "RGB"))
    return array[..., None] if grey else array


def _bad(path: pathlib.Path, error: Exception) -> UserError:
    # Pillow's sentences name the path once more.
    reason = one_line(error).replace(f" {str(path)!r}", "")
    return UserError(f"cannot read the image {path}: {reason}")
