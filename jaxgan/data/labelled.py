"""A few labelled samples of a dataset, for methods that learn from the others without labels."""

import numpy as np

from jaxgan.data.labels import read_labels
from jaxgan.data.order import indices
from jaxgan.data.source import Batch, Source
from jaxgan.data.transforms import to_float

CHUNK = 1000


def draw_labelled(source: Source, count: int, seed: int) -> Batch:
    """The samples whose labels are known: as many of each class, or one more of the first ones.

    Samples with a label outside [0, num_classes), which is none, are left out.

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
    found: list[list[int]] = [[] for _ in range(K)]
    for start in range(0, source.size, CHUNK):
        part = order[start : start + CHUNK]
        for place, label in zip(part, read_labels(source, part), strict=True):
            if 0 <= label < K and len(found[label]) < wanted[label]:
                found[label].append(int(place))
        if [len(places) for places in found] == wanted:
            break
    for k, places in enumerate(found):
        if len(places) < wanted[k]:
            raise ValueError(
                f"labels={count} asks for {wanted[k]} samples of class {k}, and {source.name} has "
                f"{len(places)} in its split {source.split!r}"
            )
    chosen = np.array([found[i % K][i // K] for i in range(count)])
    rows = to_float(source.read(chosen))
    return {"image": np.asarray(rows["image"]), "label": rows["label"]}
