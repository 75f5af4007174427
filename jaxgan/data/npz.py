"""An .npz file of arrays as a dataset.

Either the keys x_train, y_train, x_test, y_test, as Keras names them, which are the splits; or
images and labels, of which every tenth sample (9, 19, 29, ...) is the test split. Labels are
optional in both.
"""

import logging
import pathlib
import zipfile
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data import images as image_ops
from jaxgan.data.source import Source, Spec, check_split, in_memory, one_line
from jaxgan.errors import UserError
from jaxgan.files import expanded

_EVERY = 10


class _Plan(NamedTuple):
    """Which arrays of the file make up the split, and what their headers say."""

    path: pathlib.Path
    images_key: str
    labels_key: str | None
    shape: tuple[int, ...]  # of the stored array
    rows: np.ndarray  # indices of the split's samples in it
    num_classes: int


def describe(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Spec:
    """The spec of ``open_npz``, from the headers of the images and from the labels."""
    plan = _plan(data_dir, split)
    H, W, C = (*plan.shape[1:], 1)[:3]
    return Spec(image_ops.fitted((H, W, C), image_size, channels), plan.num_classes, len(plan.rows))


def open_npz(data_dir: str, split: str, *, image_size: int = 0, channels: int = 0) -> Source:
    """The images of an .npz file: uint8, or float32 in [-1, 1], [N, H, W, C].

    Stored are images [N, H, W] or [N, H, W, C] with C = 1 or 3, and integer labels [N] or [N, 1]
    from 0 on.

    Raises:
        UserError: the file is missing or no .npz; keys are missing; an array has another rank or
            dtype; values are NaN or outside the range; or images and labels differ in number.
    """
    plan = _plan(data_dir, split)
    pixels = _load(plan.path, plan.images_key)[plan.rows]
    if pixels.dtype != np.uint8:
        _check_range(f"{plan.path}: {plan.images_key!r}", pixels)
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    if image_ops.fitted(pixels.shape[1:], image_size, channels) != pixels.shape[1:]:
        pixels = np.stack([image_ops.fit(image, image_size, channels) for image in pixels])
    labels = None
    if plan.labels_key is not None:
        labels = _load(plan.path, plan.labels_key).reshape(-1)[plan.rows]
    return in_memory("npz", split, pixels, labels, plan.num_classes)


def _plan(data_dir: str, split: str) -> _Plan:
    path = expanded(data_dir)
    headers = _headers(path)
    if "x_train" in headers:
        splits = [s for s in ("train", "test") if f"x_{s}" in headers]
        check_split(f"{path}", split, splits)
        pairs = [(f"x_{s}", f"y_{s}") for s in splits]
        images_key, labels_key = f"x_{split}", f"y_{split}"
    elif "images" in headers:
        check_split(f"{path}", split, ("train", "test"))
        pairs, images_key, labels_key = [("images", "labels")], "images", "labels"
    else:
        keys = ", ".join(sorted(headers)) or "nothing"
        raise UserError(f"{path} needs the arrays 'images' or 'x_train'; it has: {keys}")
    shape, dtype = headers[images_key]
    what = f"{path}: {images_key!r}"
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[-1] not in (1, 3)) or 0 in shape:
        raise UserError(
            f"{what} has shape {list(shape)}; it needs [N, H, W] or [N, H, W, C] with C 1 or 3"
        )
    if dtype not in (np.uint8, np.float32):
        raise UserError(f"{what} is {dtype}; it needs uint8, or float32 in [-1, 1]")
    # From all splits, for the test split may lack the last class.
    counts = [_num_classes(path, headers, x, y) for x, y in pairs if y in headers]
    rows = np.arange(shape[0])
    if images_key == "images":
        rows = rows[(rows % _EVERY == _EVERY - 1) == (split == "test")]
        if not len(rows):
            raise UserError(f"the {split} split of {path} is empty: it has {shape[0]} images")
    labelled = labels_key in headers
    return _Plan(
        path,
        images_key,
        labels_key if labelled else None,
        shape,
        rows,
        max(counts) if labelled else 0,
    )


def _headers(path: pathlib.Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """The shape and dtype of every array in the file, without reading the arrays."""
    if not path.is_file():
        raise UserError(f"data.data_dir: there is no file {str(path)!r}; it must be an .npz file")
    headers = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    read: Any = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(member)
                    headers[name.removesuffix(".npy")] = (shape, dtype)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a readable .npz file: {one_line(error)}") from error
    return headers


def _load(path: pathlib.Path, key: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[key]
    except Exception as error:  # zlib, zip and NumPy errors, whichever the damage meets first
        raise UserError(f"cannot read {key!r} of {path}: {one_line(error)}") from error


def _num_classes(path: pathlib.Path, headers: dict[str, Any], images: str, labels: str) -> int:
    """One more than the largest label, after checking the labels that belong to the images."""
    shape, dtype = headers[labels]
    what = f"{path}: {labels!r}"
    if not np.issubdtype(dtype, np.integer) or shape[1:] not in ((), (1,)):
        raise UserError(f"{what} is {dtype} {list(shape)}; it needs integers of shape [N]")
    if shape[0] != headers[images][0][0]:
        raise UserError(
            f"{path}: {images!r} has {headers[images][0][0]} samples, but {labels!r} has {shape[0]}"
        )
    values = _load(path, labels)
    if values.min() < 0:
        raise UserError(f"{what} has the negative label {values.min()}; labels count from 0")
    return int(values.max()) + 1


def _check_range(what: str, pixels: np.ndarray) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite([low, high]).all():
        raise UserError(f"{what} has values that are NaN or infinite")
    if low < -1.0 or high > 1.0:
        raise UserError(f"{what} lies in [{low:g}, {high:g}]; float images must lie in [-1, 1]")
    if low >= 0.0:
        logging.warning(
            "%s has no negative value: [0, 1] is read as the upper half of [-1, 1]", what
        )
