"""The labels of a source: read without its images where that can be had, and looked at."""

import itertools
from collections.abc import Iterator

import numpy as np

from jaxgan.data.source import Source

_DECODED = 2_000  # samples looked at where each label costs an image
_CHUNK = 500  # of which so many are held at a time
_NAMED = 3  # of the stretches of labels that no sample has


def read_labels(source: Source, indices: np.ndarray) -> np.ndarray:
    """The labels of these samples, int32 [B]; one outside [0, num_classes) is none."""
    if source.labels is not None:
        return source.labels(indices)
    chunks = (indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK))
    found = [np.zeros(0, np.int32), *(source.read(chunk)["label"] for chunk in chunks)]
    return np.concatenate(found)


def read_all(source: Source) -> np.ndarray:
    """The labels of all samples, int32 [N]; none [0] where there are no classes."""
    if not source.num_classes:
        return np.zeros(0, np.int32)
    return read_labels(source, np.arange(source.size))


def label_warnings(source: Source, most: int = 20_000) -> list[str]:
    """What is odd about the labels: those that are none, and those that no sample has.

    Args:
      source: open; without classes there is nothing to say.
      most: samples that are looked at, evenly spaced; 2,000 at most where their images have to
        be read for it.

    Returns:
      A line for each of the two.
    """
    K, size = source.num_classes, source.size
    if not K:
        return []
    looked = min(size, most if source.labels is not None else min(most, _DECODED))
    found = read_labels(source, np.arange(looked, dtype=np.int64) * size // looked)
    known = found[(found >= 0) & (found < K)]
    part = f"{looked:,}" if looked == size else f"the {looked:,} (of {size:,}) looked at"
    lines = []
    if outside := looked - len(known):
        told = (
            f"{outside:,} of {part} labels" if looked == size else f"{outside:,} labels of {part}"
        )
        lines.append(f"{told} lie outside [0, {K}): these samples have no label")
    present = np.unique(known)
    if missing := K - len(present):
        among = "no sample" if looked == size else f"no sample of {part}"
        lines.append(f"{among} has {_tell(source, _gaps(present, K), missing)}")
    return lines


def _gaps(present: np.ndarray, K: int) -> Iterator[tuple[int, int]]:
    """The stretches [first, last] of [0, K) without the sorted labels in ``present``."""
    edges = np.concatenate([[-1], present, [K]])
    for before, after in itertools.pairwise(edges):
        if after - before > 1:
            yield int(before) + 1, int(after) - 1


def _tell(source: Source, gaps: Iterator[tuple[int, int]], missing: int) -> str:
    """The labels in the gaps, by number, and by name where they have one."""

    def named(label: int) -> str:
        name = source.classes[label] if label < len(source.classes) else str(label)
        return str(label) if name == str(label) else f"{label} ({name!r})"

    every = [
        named(first) if first == last else f"{named(first)} to {named(last)}"
        for first, last in gaps
    ]
    if missing == 1:
        return f"label {every[0]}"
    more = [*every[:_NAMED], "..."] if len(every) > _NAMED else every
    return f"one of the labels {', '.join(more)} ({missing:,} of {source.num_classes:,})"
