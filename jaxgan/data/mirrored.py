"""A dataset and its mirror image as one set of twice the size."""

import dataclasses

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data.source import Batch, Source, Spec


def check(spec: Spec, name: str) -> None:
    """Refuses data that are no images.

    Raises:
      UserError: naming the dataset.
    """
    if len(spec.shape) != 3:
        raise UserError(f"data.flip mirrors images, and those of dataset {name!r} are points")


def mirror(source: Source) -> Source:
    """The samples of a source, and after them each mirrored left to right, labels as they are.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data"
    (arXiv:2006.06676), double their sets so. A pair's image and target are mirrored together.
    """
    N = source.size

    def read(indices: np.ndarray) -> Batch:
        rows, turned = source.read(indices % N), indices >= N
        for name in {"image", "target"} & rows.keys():
            images = rows[name]
            flipped = turned.reshape(-1, 1, 1, 1)
            rows = {**rows, name: np.where(flipped, images[:, :, ::-1], images)}
        return rows

    labels, ids = source.labels, source.ids
    return dataclasses.replace(
        source,
        size=2 * N,
        read=read,
        labels=None if labels is None else lambda indices: labels(indices % N),
        ids=None if ids is None else lambda: np.tile(ids(), 2),
    )
