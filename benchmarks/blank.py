"""Black images instead of data that are not on this machine, to compile an experiment for them.

``--config.data.name=benchmarks.blank.images --config.data.data_dir=10``: the number of classes, 0
for none, ``pairs`` for images that have targets, or ``8,8,4,10`` for latents of 8x8x4 of images of
10 classes. Images are of the size that ``data.image_size`` and ``data.channels`` say, 32x32 in
colour where they are 0. There are as many as CIFAR-10 has, and of pairs as many as the facades of
pix2pix, 400.
"""

from typing import Any

import numpy as np

from jaxgan import data


def images(settings: Any, split: str) -> data.Source:
    """The source, for ``data.name``."""
    side = settings.image_size or 32
    shape, dtype = (side, side, settings.channels or 3), np.dtype(np.uint8)
    paired = settings.data_dir == "pairs"
    if "," in settings.data_dir:
        *sizes, classes = map(int, settings.data_dir.split(","))
        shape, dtype = (sizes[0], sizes[1], sizes[2]), np.dtype(np.float32)
    else:
        classes = 0 if paired else int(settings.data_dir or 0)

    def read(indices: np.ndarray) -> data.Batch:
        rows = {"image": np.zeros((len(indices), *shape), dtype)}
        if paired:
            rows["target"] = rows["image"]
        if classes:
            rows["label"] = np.zeros(len(indices), np.int32)
        return rows

    target = shape if paired else ()
    count = 400 if paired else 50_000
    return data.Source("blank", split, shape, classes, count, read, target=target)
