"""Host batches of a source, in order, read ahead in threads; and a source as whole arrays."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data import order
from jaxgan.data.source import Batch, Source

_AHEAD = 6  # batches read before they are asked for: enough to hide a slow one, few to hold
_CHUNK = 1024  # samples decoded at a time by one thread in ``whole``


class Stream(Iterator[Any]):
    """Batches, each as ``place`` makes it, and what they come from, closed by name.

    An object and no generator: an abandoned generator is closed by the garbage collector in
    whatever thread that runs. ``close`` waits for nothing, so that it may be called anywhere.

    Attributes:
      batches: an iterator with ``close``, as those of grain and generators have.
      place: what is done to a batch when it is asked for.
    """

    def __init__(self, batches: Any, place: Callable[[Any], Any]):
        self.batches, self.place = batches, place

    def __next__(self) -> Any:
        """The next batch."""
        return self.place(next(self.batches))

    def close(self) -> None:
        """End the threads that read ahead, each after the batch that it is reading."""
        self.batches.close()


def united(batches: Sequence[Batch]) -> Batch:
    """One batch of several that hold other entries each."""
    return {name: rows for batch in batches for name, rows in batch.items()}


def side_by_side(batches: Sequence[Batch]) -> Batch:
    """One batch of several that hold the same entries: [batches, B, ...]."""
    return {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}


class Merged(Iterator[Batch]):
    """The batches of several streams as one; closed by name.

    Attributes:
      streams: iterators with ``close``.
      join: one batch of one of each: ``united`` or ``side_by_side``.
    """

    def __init__(self, streams: Sequence[Any], join: Callable[[Sequence[Batch]], Batch] = united):
        self._streams, self._join = streams, join

    def __next__(self) -> Batch:
        """The next batch."""
        return self._join([next(stream) for stream in self._streams])

    def close(self) -> None:
        """End the threads of all of them."""
        for stream in self._streams:
            stream.close()


class _Rows:
    """The batches from ``start`` on as a random-access sequence, which is what grain reads."""

    def __init__(
        self, source: Source, seed: int, batch_size: int, start: int, rows: slice, entry: int
    ):
        self._source, self._seed, self._batch_size = source, seed, batch_size
        self._start, self._rows, self._entry = start, rows, entry

    def __len__(self) -> int:
        return sys.maxsize - self._start  # endless, as far as a sequence may be

    def __getitem__(self, position: int) -> Batch:
        chosen = order.indices(
            self._seed,
            self._start + int(position),
            size=self._source.size,
            batch_size=self._batch_size,
            entry=self._entry,
        )
        return self._source.read(chosen[self._rows])


def stream(
    source: Source,
    seed: int,
    *,
    batch_size: int,
    start: int = 0,
    process: int = 0,
    processes: int = 1,
    threads: int | None = None,
    entry: int = 0,
    place: Callable[[Batch], Any] = lambda batch: batch,
) -> Stream:
    """An endless iterator of host batches for the steps start, start + 1, ...

    The batch of step t is ``source.read`` of ``order.indices(seed, t, ...)``. ``batch_size`` is
    global: each of ``processes`` gets its own ``batch_size // processes`` rows, and the rows of all
    of them, concatenated in order, are the batch of a single process. Nothing here needs saving: to
    resume, pass the step as ``start``. Close it: only that surely ends its threads.

    Args:
      source: an open dataset.
      seed: of the order of the samples.
      batch_size: the number of rows a step, over all processes.
      start: the first step.
      process: which of the processes this is.
      processes: how many there are.
      threads: that read ahead; 0 reads in the caller's thread. Default: see ``_threads``.
      entry: whose order it is, see ``order.indices``.
      place: what is done to a batch when it is asked for, as putting it on the devices.

    Raises:
      UserError: ``batch_size`` does not divide by ``processes``; or, while iterating, a sample
        cannot be read.
    """
    import grain

    if batch_size % processes:
        raise UserError(
            f"batch_size {batch_size} does not divide by the number of processes, {processes}"
        )
    if not 0 <= process < processes or start < 0:
        raise ValueError(f"need 0 <= process < processes, start >= 0: {process=} {processes=}")
    share = batch_size // processes
    rows = slice(process * share, (process + 1) * share)
    batches = grain.MapDataset.source(_Rows(source, seed, batch_size, start, rows, entry))
    threads = _threads(source) if threads is None else threads
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=_AHEAD if threads else 0)
    return Stream(iter(batches.to_iter_dataset(options)), place)


def whole(source: Source) -> Batch:
    """All of the source as arrays, in index order: image [N, ...], label int32 [N] if labelled.

    For keeping a dataset on the device. Chunks are written into the result in place, so that
    memory holds the dataset once.
    """
    starts = range(0, source.size, _CHUNK)
    first = source.read(np.arange(min(_CHUNK, source.size)))
    result = {k: np.empty((source.size, *v.shape[1:]), v.dtype) for k, v in first.items()}

    def fill(start: int) -> None:
        stop = min(start + _CHUNK, source.size)
        rows = first if start == 0 else source.read(np.arange(start, stop))
        for key, value in rows.items():
            result[key][start:stop] = value

    with futures.ThreadPoolExecutor(_threads(source)) as pool:
        list(pool.map(fill, starts))
    return result


def _threads(source: Source) -> int:
    """How many threads read a source best.

    Decoding a small image is mostly Python, where threads only fight for the interpreter: MNIST
    takes 1.3 times as long with two as with one. Large ones are decoded by Pillow outside of it.
    """
    return 1 if np.prod(source.shape) < 10_000 else min(8, os.cpu_count() or 1)
