"""Images with a black border up to a square, as for networks whose sides are powers of two."""

import dataclasses

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data.source import Batch, Source, Spec


def describe(spec: Spec, side: int, name: str) -> Spec:
    """The spec of the padded images; targets of pairs are padded alike.

    Raises:
      UserError: if these are no images, or larger ones; it names the dataset.
    """
    if len(spec.shape) != 3:
        raise UserError(f"data.pad is of images, and those of dataset {name!r} are points")
    for shape in filter(None, (spec.shape, spec.target)):
        if max(shape[:2]) > side:
            H, W, _ = shape
            raise UserError(
                f"data.pad={side} is less than the {H} x {W} pixels of dataset {name!r}; set "
                "data.image_size to make images smaller"
            )
    target = (side, side, spec.target[-1]) if spec.target else ()
    return spec._replace(shape=(side, side, spec.shape[-1]), target=target)


def pad(source: Source, side: int, name: str) -> Source:
    """The source with its images in the middle of black squares.

    Raises:
      UserError: as ``describe`` does.
    """
    spec = describe(source.spec, side, name)

    def read(indices: np.ndarray) -> Batch:
        rows = dict(source.read(indices))
        for entry in {"image", "target"} & rows.keys():
            rows[entry] = border(rows[entry], side)
        return rows

    return dataclasses.replace(source, read=read, shape=spec.shape, target=spec.target)


def border(images: np.ndarray, side: int) -> np.ndarray:
    """Images [B, H, W, C], uint8 or in [-1, 1], as [B, side, side, C]."""
    _, H, W, _ = images.shape
    top, left = (side - H) // 2, (side - W) // 2
    margins = ((0, 0), (top, side - H - top), (left, side - W - left), (0, 0))
    return np.pad(images, margins, constant_values=0 if images.dtype == np.uint8 else -1)
