"""Images as moments of their latents, each encoded once and kept in memory-mapped files.

A moment is a mean and beside it, on the channels, a deviation: [h, w, 2 c] in 16 bits.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError
from jaxgan.data import mirrored
from jaxgan.data.source import Batch, Source, Spec, digest_of, one_line, warn_once

# Of what is written; another one for another form.
VERSION = 1
# Rounded to 11 bits, a value is off by 1/2048 of itself at most. float32 would be twice the disk.
DTYPE = np.dtype("<f2")
# What is done at once: batches being read or encoded while others wait.
_THREADS = 2
# Rows hashed at a time.
_CHUNK = 1024

# Images [B, H, W, C] as ``Source.read`` gives them, to moments [B, h, w, 2 c] of ``DTYPE``.
Encode = Callable[[np.ndarray], np.ndarray]


def check(spec: Spec, name: str) -> None:
    """Refuses data whose latents cannot be trained on.

    Raises:
      UserError: if these are points, or images with targets; it names the dataset.
    """
    if len(spec.shape) != 3:
        raise UserError(f"data.latent encodes images, and those of dataset {name!r} are points")
    if spec.target:
        raise UserError(
            f"data.latent encodes images alone, and dataset {name!r} has targets beside them"
        )


def encoded(source: Source, encode: Encode, latent: tuple[int, ...], *, flip: bool) -> Source:
    """The source with the moments of its images in their place, encoded when they are read.

    Args:
      source: of images.
      encode: see ``Encode``.
      latent: [h, w, c].
      flip: whether the mirrored images follow them, see ``mirrored.mirror``: these are encoded too,
        as the latent of a mirrored image is not the mirrored latent.
    """
    images = mirrored.mirror(source) if flip else source

    def read(indices: np.ndarray) -> Batch:
        rows = images.read(indices)
        return {**rows, "image": encode(rows["image"])}

    shape = (*latent[:-1], 2 * latent[-1])
    return dataclasses.replace(images, read=read, shape=shape, pixels=images.shape, behind=images)


def kept(images: Source, source: Source, made_by: Mapping[str, Any], batch_size: int) -> Source:
    """The source of moments with its rows read from files, which are written if they are not there.

    They lie in the cache, are found by what made them, and appear whole or not at all. Of several
    processes one encodes and the others wait. What is cut short is made again.

    Args:
      images: what ``source`` encodes.
      source: of their moments, see ``encoded``.
      made_by: what these depend on beside the stored images, as JSON holds it.
      batch_size: rows encoded at a time.

    Raises:
      UserError: if they cannot be kept, or moments are too large for 16 bits.
    """
    known = described(images, source, made_by)
    place = where(known)
    if found := _open(place, known, source):
        return found
    with _alone(place):
        # Another process may have written them in the meantime.
        found = _open(place, known, source)
        if found is None:
            _write(place, known, source, batch_size)
            found = _open(place, known, source)
    if found is None:
        raise UserError(f"the latents just written to {place} cannot be read: is the disk sound?")
    return found


def are_kept(images: Source, source: Source, made_by: Mapping[str, Any]) -> bool:
    """Whether ``kept`` has nothing to encode."""
    known = described(images, source, made_by)
    return _open(where(known), known, source) is not None


def described(images: Source, source: Source, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """What the rows are and all that they depend on, as JSON holds it."""
    stored = {
        "version": VERSION,
        "data": images.name,
        "split": images.split,
        "digest": images.digest or _content(images),
        "images": (images.size, *images.shape),
        "moments": (source.size, *source.shape),
        "dtype": DTYPE.str,
    }
    return json.loads(json.dumps({**stored, **made_by}))


def where(known: Mapping[str, Any]) -> Path:
    """The files of these rows, without their endings.

    Raises:
      UserError: if there is no cache.
    """
    folder = files.cache("latents")
    if folder is None:
        raise UserError(
            "data.latent keeps latents, and there is no home folder: set XDG_CACHE_HOME"
        )
    name = str(known["data"]).replace("/", "_").replace(":", "_").replace(".", "_")
    return folder / f"{name}_{digest_of(sorted(known.items()))}"


def _content(source: Source) -> str:
    """A digest of all rows, where nothing is known of a dataset without reading it."""
    whole = hashlib.sha256()
    for start in range(0, source.size, _CHUNK):
        rows = source.read(np.arange(start, min(start + _CHUNK, source.size)))
        for name in sorted(rows):
            whole.update(np.ascontiguousarray(rows[name]).tobytes())
    return whole.hexdigest()[:16]


def _moments(place: Path) -> Path:
    return place.with_name(f"{place.name}.npy")


def _labels(place: Path) -> Path:
    return place.with_name(f"{place.name}_labels.npy")


def _record(place: Path) -> Path:
    return place.with_name(f"{place.name}.json")


def _open(place: Path, known: Mapping[str, Any], source: Source) -> Source | None:
    """What ``_write`` wrote, or ``None`` if there is nothing or not all of it."""
    if not os.path.exists(_record(place)):
        return None
    try:
        if json.loads(_record(place).read_text()) != known:
            raise ValueError("they were made of other data, or by another autoencoder")
        moments = _mapped(_moments(place), (source.size, *source.shape), DTYPE)
        labels = None
        if source.num_classes:
            labels = np.array(_mapped(_labels(place), (source.size,), np.dtype(np.int32)))
    except Exception as error:  # of JSON, NumPy or the system, whichever the damage meets first
        warn_once(
            f"the latents in {_moments(place)} are damaged, and are encoded again: "
            f"{one_line(error)}"
        )
        return None

    def read(indices: np.ndarray) -> Batch:
        rows = {"image": np.asarray(moments[indices])}
        return rows if labels is None else {**rows, "label": labels[indices]}

    return dataclasses.replace(
        source, read=read, labels=None if labels is None else lambda indices: labels[indices]
    )


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The array in a file, in which nothing else may be.

    Raises:
      ValueError: if it is another one, or cut short.
    """
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, not {dtype} {shape}")
    if path.stat().st_size != array.offset + array.nbytes:
        raise ValueError(f"{path.name} is longer than its array")
    return array


def _write(place: Path, known: Mapping[str, Any], source: Source, batch_size: int) -> None:
    """Encodes all rows in order, to files of which the record is the last.

    Raises:
      UserError: as ``kept`` does.
    """
    with files.writing(place):
        # A record says that the others are whole.
        _record(place).unlink(missing_ok=True)
        for left in place.parent.glob(f".*.{place.name}*"):  # of a process that was killed
            left.unlink(missing_ok=True)
    labels = np.full(source.size, -1, np.int32)
    starts = range(0, source.size, batch_size)

    def read(start: int) -> Batch:
        return source.read(np.arange(start, min(start + batch_size, source.size)))

    with files.replacing(_moments(place)) as path, path.open("wb") as file:
        header = {"descr": DTYPE.str, "fortran_order": False}
        np.lib.format.write_array_header_1_0(
            file, {**header, "shape": (source.size, *source.shape)}
        )
        pool = futures.ThreadPoolExecutor(_THREADS)
        try:
            batches = zip(starts, pool.map(read, starts), strict=True)
            told: dict[str, Any] = {"total": len(starts), "desc": "latents", "leave": False}
            for start, rows in terminal.progress(iterable=batches, **told):
                if not np.isfinite(rows["image"]).all():
                    raise UserError(
                        f"the latents of images {start} to {start + len(rows['image']) - 1} are "
                        "not finite, or too large for 16 bits"
                    )
                # Written and not mapped: a full disk is then an error, and not a signal.
                file.write(np.ascontiguousarray(rows["image"], DTYPE).tobytes())
                if "label" in rows:
                    labels[start : start + len(rows["label"])] = rows["label"]
        finally:
            pool.shutdown(cancel_futures=True)
        file.flush()
        os.fsync(file.fileno())
    if source.num_classes:
        with files.replacing(_labels(place)) as path, path.open("wb") as file:
            np.save(file, labels)
    with files.replacing(_record(place)) as path:
        path.write_text(json.dumps(known, indent=2) + "\n")


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Waits until no other process writes these files; the system lets go when this one ends.

    Where the file system has no locks two may write, and the last one's files stay.

    Raises:
      WriteError: if nothing can be written there.
    """
    path = place.with_name(f"{place.name}.lock")
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
