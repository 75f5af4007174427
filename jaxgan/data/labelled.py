"""A few labelled samples of a dataset, for methods that learn from the others without labels."""

import numpy as np

from jaxgan.data.order import indices
from jaxgan.data.source import Batch, Source
from jaxgan.data.transforms import to_float

CHUNK = 1000


def draw_labelled(source: Source, count: int, seed: int) -> Batch:
    """The samples whose labels are known: as many of each class, or one more of the first ones.

    Args:
      source: with labels.
      count: of samples.
      seed: of the order in which samples are looked at.

    Returns:
      ``image`` float32 [count, ...] in [-1, 1] and ``label`` int32 [count], the classes in turn.

    Raises:
      ValueError: if a class has too few samples.
    """
    K = source.num_classes
    wanted = [len(range(k, count, K)) for k in range(K)]
    order = indices(seed, 0, size=source.size, batch_size=source.size)
    found: list[list[np.ndarray]] = [[] for _ in range(K)]
    for start in range(0, source.size, CHUNK):
        rows = to_float(source.read(order[start : start + CHUNK]))
        for image, label in zip(rows["image"], rows["label"], strict=True):
            if len(found[label]) < wanted[label]:
                found[label].append(np.asarray(image))
        if [len(images) for images in found] == wanted:
            break
    for k, images in enumerate(found):
        if len(images) < wanted[k]:
            raise ValueError(
                f"labels={count} asks for {wanted[k]} samples of class {k}, and {source.name} has "
                f"{len(images)} in its split {source.split!r}"
            )
    labels = np.arange(count, dtype=np.int32) % K
    return {"image": np.stack([found[k][i // K] for i, k in enumerate(labels)]), "label": labels}
