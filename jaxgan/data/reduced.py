"""Images with their own reduced ones as what they are to be made of again, for super-resolution."""

import dataclasses

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data import bicubic
from jaxgan.data.source import Batch, Source, Spec


def describe(spec: Spec, factor: int, name: str) -> Spec:
    """The spec of pairs of a reduced image and the image itself.

    Raises:
      UserError: if these are no images, have targets already, or have a side that the factor does
        not divide; it names the dataset.
    """
    if len(spec.shape) != 3:
        raise UserError(
            f"data.low_resolution is of images, and those of dataset {name!r} are points"
        )
    if spec.target:
        raise UserError(
            f"data.low_resolution makes pairs of an image and itself, and dataset {name!r} has"
            " targets already"
        )
    H, W, C = spec.shape
    if H % factor or W % factor:
        raise UserError(
            f"data.low_resolution={factor} does not divide the {H} x {W} pixels of dataset"
            f" {name!r}; set data.image_size"
        )
    return spec._replace(shape=(H // factor, W // factor, C), target=spec.shape)


def reduce(source: Source, factor: int, name: str) -> Source:
    """The source with its images as ``'target'``, and these reduced by ``bicubic`` as ``'image'``.

    Raises:
      UserError: as ``describe`` does.
    """
    spec = describe(source.spec, factor, name)

    def read(indices: np.ndarray) -> Batch:
        rows = source.read(indices)
        return {
            **rows,
            "image": bicubic.resize(rows["image"], *spec.shape[:2]),
            "target": rows["image"],
        }

    return dataclasses.replace(source, read=read, shape=spec.shape, target=spec.target)
