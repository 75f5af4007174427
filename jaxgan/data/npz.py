"""An .npz file of arrays as a dataset.

Either the keys x_train, y_train, x_test, y_test, as Keras names them, which are the splits; or
images and labels, of which every tenth sample (9, 19, 29, ...) is the test split. Labels are
optional in both, and so is each label: -1 says that a sample has none.
"""

import pathlib
import zipfile
from typing import Any, NamedTuple

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.base.files import expanded
from jaxgan.data import images as image_ops
from jaxgan.data.source import (
    Source,
    Spec,
    check_split,
    digest_of,
    in_memory,
    numbered,
    one_line,
    warn_once,
)

_EVERY = 10
_NARROW = 1 / 8  # of the range from black to white


class _Header(NamedTuple):
    """What is known of an array without reading it."""

    shape: tuple[int, ...]
    dtype: np.dtype
    content: tuple[int, int]  # the checksum and the length of its file in the archive


class _Plan(NamedTuple):
    """Which arrays of the file make up the split, and what it is."""

    path: pathlib.Path
    images_key: str
    labels_key: str | None
    rows: np.ndarray  # indices of the split's samples in them
    ids: np.ndarray  # of these samples
    spec: Spec


def describe(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Spec:
    """The spec of ``open_npz``, from the headers of the images and from the labels."""
    return _plan(data_dir, split, image_size, channels).spec


def open_npz(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Source:
    """The images of an .npz file: uint8, or float32 in [-1, 1], [N, H, W, C].

    Stored are images [N, H, W] or [N, H, W, C] with C = 1 or 3, and integer labels [N] or [N, 1]
    from 0 on, or -1 where a sample has none.

    Raises:
      UserError: the file is missing or no .npz; keys are missing; an array has another rank or
        dtype; values are NaN or outside the range; or images and labels differ in number.
    """
    plan = _plan(data_dir, split, image_size, channels)
    pixels = _load(plan.path, plan.images_key)[plan.rows]
    _check_range(f"{plan.path}: {plan.images_key!r}", pixels)
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    if plan.spec.shape != pixels.shape[1:]:
        pixels = np.stack([image_ops.fit(image, image_size, channels) for image in pixels])
    labels = None
    if plan.labels_key is not None:
        labels = _load(plan.path, plan.labels_key).reshape(-1)[plan.rows]
    return in_memory(
        "npz",
        split,
        pixels,
        labels,
        plan.spec.num_classes,
        digest=plan.spec.digest,
        ids=lambda: plan.ids,
    )


def load_labels(data_dir: str, split: str) -> np.ndarray:
    """The labels of ``open_npz``, int [N], without its images; empty where it has none."""
    plan = _plan(data_dir, split, 0, 0)
    if plan.labels_key is None:
        return np.zeros(0, np.int32)
    return _load(plan.path, plan.labels_key).reshape(-1)[plan.rows]


def _plan(data_dir: str, split: str, image_size: int, channels: int) -> _Plan:
    path = expanded(data_dir)
    headers = _headers(path)
    pairs, images_key, labels_key = _keys(path, headers, split)
    count, H, W, C = _image_shape(f"{path}: {images_key!r}", headers[images_key])
    # From all splits, for the test split may lack the last class.
    counts = [_num_classes(path, headers, x, y) for x, y in pairs if y in headers]
    num_classes = max(counts) if labels_key in headers else 0
    rows = np.arange(count)
    if images_key == "images":
        rows = rows[(rows % _EVERY == _EVERY - 1) == (split == "test")]
        if not len(rows):
            raise UserError(f"the {split} split of {path} is empty: it has {count} images")
    # The first array with these very bytes: one that is given as both splits is one.
    contents = [headers[x].content for x, _ in pairs]
    array = contents.index(headers[images_key].content)
    used = [headers[key].content for key in (images_key, labels_key) if key in headers]
    part = split if images_key == "images" else "all"
    spec = Spec(
        image_ops.fitted((H, W, C), image_size, channels),
        num_classes,
        len(rows),
        digest=digest_of(used, part),
    )
    ids = numbered(array, count)[rows]
    return _Plan(path, images_key, labels_key if num_classes else None, rows, ids, spec)


def _keys(
    path: pathlib.Path, headers: dict[str, _Header], split: str
) -> tuple[list[tuple[str, str]], str, str]:
    """The keys of images and labels of all splits, and those of this one."""
    if "x_train" in headers:
        splits = [s for s in ("train", "test") if f"x_{s}" in headers]
        check_split(f"{path}", split, splits)
        return [(f"x_{s}", f"y_{s}") for s in splits], f"x_{split}", f"y_{split}"
    if "images" in headers:
        check_split(f"{path}", split, ("train", "test"))
        return [("images", "labels")], "images", "labels"
    keys = ", ".join(sorted(headers)) or "nothing"
    raise UserError(f"{path} needs the arrays 'images' or 'x_train'; it has: {keys}")


def _image_shape(what: str, header: _Header) -> tuple[int, int, int, int]:
    """[N, H, W, C] of an array that is one of images."""
    shape = header.shape
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[-1] not in (1, 3)) or 0 in shape:
        raise UserError(
            f"{what} has shape {list(shape)}; it needs [N, H, W] or [N, H, W, C] with C 1 or 3"
        )
    if header.dtype not in (np.uint8, np.float32):
        raise UserError(f"{what} is {header.dtype}; it needs uint8, or float32 in [-1, 1]")
    N, H, W, C = (*shape, 1)[:4]
    return N, H, W, C


def _headers(path: pathlib.Path) -> dict[str, _Header]:
    """What is known of every array in the file, without reading the arrays."""
    if not path.is_file():
        raise UserError(f"data.data_dir: there is no file {str(path)!r}; it must be an .npz file")
    headers = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    version = np.lib.format.read_magic(member)
                    read: Any = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(member)
                    content = entry.CRC, entry.file_size
                    headers[entry.filename.removesuffix(".npy")] = _Header(shape, dtype, content)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a readable .npz file: {one_line(error)}") from error
    return headers


def _load(path: pathlib.Path, key: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[key]
    except Exception as error:  # zlib, zip and NumPy errors, whichever the damage meets first
        raise UserError(f"cannot read {key!r} of {path}: {one_line(error)}") from error


def _num_classes(path: pathlib.Path, headers: dict[str, _Header], images: str, labels: str) -> int:
    """One more than the largest label, after checking the labels that belong to the images."""
    shape, dtype, _ = headers[labels]
    what = f"{path}: {labels!r}"
    if not np.issubdtype(dtype, np.integer) or shape[1:] not in ((), (1,)):
        raise UserError(f"{what} is {dtype} {list(shape)}; it needs integers of shape [N]")
    count = headers[images].shape[0]
    if shape[0] != count:
        raise UserError(f"{path}: {images!r} has {count} samples, but {labels!r} has {shape[0]}")
    values = _load(path, labels).astype(np.int64)
    if (lowest := int(values.min(initial=0))) < -1:
        raise UserError(
            f"{what} has the negative label {lowest}; labels count from 0, and -1 is none"
        )
    return int(values.max(initial=-1)) + 1


def _check_range(what: str, pixels: np.ndarray) -> None:
    """Refuse values that are no pixels, and warn of those that are hardly meant."""
    low, high = float(pixels.min()), float(pixels.max())
    black, white = (0.0, 255.0) if pixels.dtype == np.uint8 else (-1.0, 1.0)
    if not np.isfinite([low, high]).all():
        raise UserError(f"{what} has values that are NaN or infinite")
    if low < black or high > white:
        raise UserError(f"{what} lies in [{low:g}, {high:g}]; float images must lie in [-1, 1]")
    if black < 0.0 <= low:
        warn_once(f"{what} has no negative value: [0, 1] is read as the upper half of [-1, 1]")
    if high - low <= _NARROW * (white - black):
        warn_once(
            f"{what} has no value outside [{low:g}, {high:g}], where {black:g} is black and"
            f" {white:g} is white: the images are nearly or wholly flat"
        )
