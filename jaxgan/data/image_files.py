"""Image files as the rows of a source: of one shape, decoded now or when they are read."""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Any, NamedTuple, TypeVar

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data import images, remarks
from jaxgan.data.listing import File
from jaxgan.data.source import Batch, Source, Spec, in_memory

IN_MEMORY = 2 << 30  # bytes of decoded images up to which they are decoded when they are opened
GLANCE = 500  # rows of whose files ``describe`` reads the headers
_DIGESTED = 200  # rows whose content is part of the digest, and up to how many bytes of each file
_DIGESTED_BYTES = 1 << 20
_DECODED = 32  # images at whose values ``open_rows`` looks

A = TypeVar("A")
T = TypeVar("T")
Shape = tuple[int, int, int]


class View(NamedTuple):
    """Where an entry of a row lies: in which of the row's files, and in which half of its image.

    ``half`` is 0 for the left one, 1 for the right one, and None for the whole image.
    """

    file: int = 0
    half: int | None = None


class Rows(NamedTuple):
    """The rows of a split, in order.

    ``files`` are those of each row, as many in every one; ``views`` tell where its entries lie in
    them, ``'image'`` and perhaps ``'target'``. ``labels`` [N] are None where there are no classes.
    """

    root: pathlib.Path
    files: Sequence[tuple[File, ...]]
    views: Mapping[str, View]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()


class Fit(NamedTuple):
    """What is asked of every image, see ``images.fit``, and what to do about a bad one."""

    image_size: int = 0
    channels: int = 0
    bad_images: str = "error"


def describe(rows: Rows, fit: Fit) -> Spec:
    """The spec of ``open_rows`` from the headers of the files of 500 rows at most.

    So ``size`` still counts rows that 'skip' leaves out when they are opened.
    """
    glance = _spread(rows.files, GLANCE)
    headers = in_threads(functools.partial(_header, rows), glance, fit.bad_images)
    shapes = _common_shapes(rows, glance, headers, fit)
    K, N = len(rows.classes), len(rows.files)
    return Spec(shapes["image"], K, N, rows.classes, _digest(rows), target=shapes.get("target", ()))


def open_rows(name: str, split: str, rows: Rows, fit: Fit) -> Source:
    """The rows as a source: of each entry uint8 [N, H, W, C].

    Up to 2 GiB, they are decoded now; beyond, whenever they are read, after a look at every header.

    Raises:
      UserError: an image cannot be read, and ``bad_images`` is 'error' (under 'skip' its row is
        left out with a warning, for which all images are decoded once); or the images of an entry
        differ in size or channels where ``fit`` does not make them equal.
    """
    headers = in_threads(functools.partial(_header, rows), rows.files, fit.bad_images)
    shapes = _common_shapes(rows, rows.files, headers, fit)
    load = functools.partial(_load, rows, shapes, fit)
    kept = [i for i, header in enumerate(headers) if not isinstance(header, UserError)]
    fits = len(kept) * sum(int(np.prod(shape)) for shape in shapes.values()) <= IN_MEMORY
    pixels: Batch = {}
    if fits:
        pixels = {e: np.empty((len(kept), *shape), np.uint8) for e, shape in shapes.items()}

    def probe(row: int) -> None:
        found = load(rows.files[kept[row]])
        for entry in pixels:
            pixels[entry][row] = found[entry]

    bad = [header for header in headers if isinstance(header, UserError)]
    if fits or fit.bad_images == "skip":
        decoded = in_threads(probe, range(len(kept)), fit.bad_images)
        bad += [error for error in decoded if error is not None]
        good = [row for row, error in enumerate(decoded) if error is None]
        if len(good) < len(kept):
            kept = [kept[row] for row in good]
            pixels = {entry: column[good] for entry, column in pixels.items()}
    what = "pair" if "target" in shapes else "image"
    remarks.tell(*remarks.on_bad(rows.root, bad, len(headers), what))
    if not kept:
        raise UserError(f"none of the {len(headers)} {what}s in {rows.root} can be read")
    files = [rows.files[i] for i in kept]
    for column in zip(*files, strict=True):
        remarks.tell(*_values(rows.root, column))
    labels = None if rows.labels is None else rows.labels[kept]
    known: dict[str, Any] = {"classes": rows.classes, "digest": _digest(rows)}
    known["ids"] = lambda: ids([row[0] for row in files])
    K = len(rows.classes)
    if fits:
        image, target = pixels["image"], pixels.get("target")
        return in_memory(name, split, image, labels, K, targets=target, **known)

    def read(indices: np.ndarray) -> Batch:
        found = [load(files[i]) for i in indices]
        batch = {entry: np.stack([row[entry] for row in found]) for entry in shapes}
        return batch if labels is None else {**batch, "label": labels[indices]}

    known["target"] = shapes.get("target", ())
    label = None if labels is None else labels.__getitem__
    return Source(name, split, shapes["image"], K, len(files), read, labels=label, **known)


def ids(files: Sequence[File]) -> np.ndarray:
    """A number for each real file, whatever path leads to it: int64 [N]."""
    texts = [repr(file.identity or file.name).encode("utf-8", "surrogateescape") for file in files]
    hashes = [hashlib.blake2b(text, digest_size=8).digest() for text in texts]
    return np.array([int.from_bytes(h, "big", signed=True) for h in hashes], np.int64)


def in_threads(
    function: Callable[[A], T], arguments: Sequence[A], bad_images: str
) -> list[T | UserError]:
    """``function`` of every argument, in order, or the UserError it raised.

    Under 'error' the first of these is raised, and what has not begun is not done. A list and no
    generator: one that is given up waits with its pool until the garbage collector closes it, in
    whatever thread that runs, and joining a pool there can stop the process for good.
    """

    def guarded(argument: A) -> T | UserError:
        try:
            return function(argument)
        except UserError as error:
            if bad_images == "error":
                raise UserError(f"{error}; remove it, or set data.bad_images='skip'") from error
            return error

    pool = futures.ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(guarded, arguments))
    finally:
        pool.shutdown(cancel_futures=True)


def _digest(rows: Rows) -> str:
    """Of all names and sizes, and of the content of some files; the same on every machine."""
    digest = hashlib.sha256()
    for file in (file for row in rows.files for file in row):
        line = f"{'/'.join(file.name)}\0{file.size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    for file in (file for row in _spread(rows.files, _DIGESTED) for file in row):
        try:
            with (rows.root / file.path).open("rb") as stored:
                content = stored.read(_DIGESTED_BYTES)
        except OSError:  # it is for bad_images to say what that means
            content = b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _spread(values: Sequence[T], count: int) -> Sequence[T]:
    """At most ``count`` of the values, evenly spaced."""
    return values[:: max(1, -(-len(values) // count))]


def _header(rows: Rows, row: Sequence[File]) -> dict[str, Shape]:
    """The shapes of the row's entries as they are stored."""
    paths = [rows.root / file.path for file in row]
    headers = [images.header(path) for path in paths]
    found = {}
    for entry, (file, half) in rows.views.items():
        H, W, C = headers[file]
        if half is not None and W % 2:
            raise UserError(f"the image {paths[file]} is {W} pixels wide, which is no two halves")
        found[entry] = (H, W if half is None else W // 2, C)
    return found


def _load(
    rows: Rows, shapes: Mapping[str, Shape], fit: Fit, row: Sequence[File]
) -> dict[str, np.ndarray]:
    """The images of the row's entries."""
    paths = [rows.root / file.path for file in row]
    decoded = [images.decode(path) for path in paths]
    found = {}
    for entry, (file, half) in rows.views.items():
        image = decoded[file]
        if half is not None:
            image = np.split(image[:, : image.shape[1] // 2 * 2], 2, axis=1)[half]
        found[entry] = images.fit(image, fit.image_size, fit.channels)
        if found[entry].shape != shapes[entry]:
            raise UserError(
                f"cannot read the image {paths[file]}: its header and its pixels disagree"
            )
    return found


def _values(root: pathlib.Path, files: Sequence[File]) -> list[str]:
    """What is odd about the values of some images, as they are stored."""
    paths = [root / file.path for file in _spread(files, _DECODED)]
    looks = in_threads(lambda path: (images.is_deep(path), images.decode(path)), paths, "skip")
    good = [look for look in looks if not isinstance(look, UserError)]
    lines: list[str] = []
    for deep in (False, True):
        some = [image for is_deep, image in good if is_deep == deep]
        lines += remarks.on_values(root, some, deep) if some else []
    return lines


def _common_shapes(
    rows: Rows,
    files: Sequence[tuple[File, ...]],
    headers: Sequence[dict[str, Shape] | UserError],
    fit: Fit,
) -> dict[str, Shape]:
    """The one shape that all images of an entry have once they are fitted, by entry."""
    good = [(f, h) for f, h in zip(files, headers, strict=True) if not isinstance(h, UserError)]
    if not good:
        raise UserError(
            f"none of the {len(files)} images looked at can be read, such as"
            f" {rows.root / files[0][0].path}"
        )
    return {entry: _common_shape(rows, good, entry, fit) for entry in rows.views}


def _common_shape(
    rows: Rows, good: Sequence[tuple[tuple[File, ...], dict[str, Shape]]], entry: str, fit: Fit
) -> Shape:
    first: tuple[pathlib.Path, Shape] | None = None
    for files, header in good:
        path = rows.root / files[rows.views[entry].file].path
        shape = images.fitted(header[entry], fit.image_size, fit.channels)
        if first is None:
            first = (path, shape)
        elif shape != first[1]:
            cure = "data.image_size" if shape[:2] != first[1][:2] else "data.channels"
            raise UserError(
                f"the images differ: {path} is {_by(shape)}, {first[0]} is {_by(first[1])}"
                f" (height x width x channels); set {cure} to make them equal"
            )
    assert first is not None
    return first[1]


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)
