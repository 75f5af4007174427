"""Which samples make up the batch at step t: a pure function of the seed and t."""

import functools

import numpy as np


def indices(seed: int, step: int, *, size: int, batch_size: int, entry: int = 0) -> np.ndarray:
    """The indices of the global batch at ``step``: int32 [batch_size], each in [0, size).

    The samples form one endless stream of epochs, each epoch its own permutation of all ``size``
    samples; the batch is positions ``step * batch_size`` to ``(step + 1) * batch_size`` of it. So
    every sample appears exactly once an epoch, batches straddle epochs, nothing is dropped, and a
    batch may be larger than the dataset. ``entry``, from 0 on, is the number of the entry of the
    batch where some have orders of their own.
    """
    if size < 1 or batch_size < 1 or step < 0:
        raise ValueError(f"need size, batch_size >= 1 and step >= 0: {size=} {batch_size=} {step=}")
    start, stop = step * batch_size, (step + 1) * batch_size
    parts = []
    for epoch in range(start // size, (stop - 1) // size + 1):
        first = epoch * size
        parts.append(_permutation(seed, size, epoch, entry)[max(start - first, 0) : stop - first])
    return np.concatenate(parts)


# Of an entry: the current epoch, the next one when a batch straddles, and as much for a second
# stream; for two entries, or many seeds side by side.
@functools.lru_cache(maxsize=64)
def _permutation(seed: int, size: int, epoch: int, entry: int = 0) -> np.ndarray:
    """The order of one epoch, int32 [size].

    It sorts raw Philox words instead of calling ``Generator.permutation``: NumPy keeps the words of
    a bit generator the same from version to version, and makes no such promise for a Generator, so
    that a run resumed under a newer NumPy would silently see other batches.
    """
    mask = 2**64 - 1
    key = np.array([seed & mask, epoch & mask], dtype=np.uint64)
    # The key is full. The upper word of the counter is as good: no two entries share a block.
    counter = np.array([0, 0, 0, entry], dtype=np.uint64)
    words = np.random.Philox(counter=counter, key=key).random_raw(size)
    order = np.argsort(words, kind="stable").astype(np.int32)
    order.flags.writeable = False  # shared by every caller through the cache
    return order
