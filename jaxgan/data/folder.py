"""A folder of image files as a dataset.

Which images form a split: where every sub-folder of the folder is called train, test, val or
validation, and one is train, these are the splits. Otherwise the SHA-256 of a file's path, relative
to the folder, with forward slashes and in Unicode NFC, decides: a first 8 bytes divisible by ten is
test, about 10 %, the rest is train, on every machine and whatever else the folder holds. A file
that links make appear under several paths lies in one split under all of them: that of the path
without a symbolic link, or else the first.

Labels: where all images of all splits lie in sub-folders, and these have at least two names, the
sorted names are the classes. They are sorted as text, also where all are numbers.
"""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, NamedTuple, TypeVar

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.base.files import expanded
from jaxgan.data import images, listing, remarks
from jaxgan.data.listing import SUFFIXES, File
from jaxgan.data.source import Batch, Source, Spec, check_split, in_memory

SPLITS = ("train", "test", "val", "validation")
IN_MEMORY = 2 << 30  # bytes of decoded images up to which a folder is decoded when it is opened
_GLANCE = 500  # headers that ``describe`` reads
_DIGESTED = 200  # files whose content is part of the digest, and up to how many bytes of each
_DIGESTED_BYTES = 1 << 20
_DECODED = 32  # images at whose values ``open_folder`` looks

A = TypeVar("A")
T = TypeVar("T")


class _Split(NamedTuple):
    """The images of a split, in order, and the class of each, or None."""

    files: list[File]
    paths: list[pathlib.Path]
    labels: np.ndarray | None
    classes: tuple[str, ...]


def describe(
    data_dir: str, split: str, *, image_size: int = 0, channels: int = 0, bad_images: str = "error"
) -> Spec:
    """The spec of ``open_folder`` from the listing and the headers of 500 files at most.

    So ``size`` still counts images that 'skip' leaves out when the folder is opened.
    """
    chosen = _list(expanded(data_dir), split)
    glance = _spread(chosen.paths, _GLANCE)
    headers = _in_threads(images.header, glance, bad_images)
    shape = _common_shape(glance, headers, image_size, channels)
    return Spec(shape, len(chosen.classes), len(chosen.paths), chosen.classes, _digest(chosen))


def open_folder(
    data_dir: str, split: str, *, image_size: int = 0, channels: int = 0, bad_images: str = "error"
) -> Source:
    """The images of a folder: uint8 [N, H, W, C], sorted by path.

    Up to 2 GiB, they are decoded now; beyond, whenever they are read, after a look at every header.

    Raises:
      UserError: the folder is missing or has no images; the split does not exist; an image cannot
        be read, and ``bad_images`` is 'error' (under 'skip' it is left out with a warning, for
        which all images are decoded once); or the images differ in size or channels where
        ``image_size`` or ``channels`` do not make them equal.
    """
    root = expanded(data_dir)
    chosen = _list(root, split)
    headers = _in_threads(images.header, chosen.paths, bad_images)
    shape = _common_shape(chosen.paths, headers, image_size, channels)
    load = functools.partial(_load, shape=shape, image_size=image_size, channels=channels)
    kept = [i for i, header in enumerate(headers) if not isinstance(header, UserError)]
    fits = len(kept) * int(np.prod(shape)) <= IN_MEMORY
    pixels = np.empty((len(kept), *shape), np.uint8) if fits else None

    def probe(row: int) -> None:
        image = load(chosen.paths[kept[row]])
        if pixels is not None:
            pixels[row] = image

    bad = [header for header in headers if isinstance(header, UserError)]
    if fits or bad_images == "skip":
        decoded = _in_threads(probe, range(len(kept)), bad_images)
        bad += [error for error in decoded if error is not None]
        good = [row for row, error in enumerate(decoded) if error is None]
        if len(good) < len(kept):
            kept = [kept[row] for row in good]
            pixels = None if pixels is None else pixels[good]
    remarks.tell(*remarks.on_bad(root, bad, len(headers)))
    if not kept:
        raise UserError(f"none of the {len(headers)} images in {root} can be read")
    files, paths = [chosen.files[i] for i in kept], [chosen.paths[i] for i in kept]
    remarks.tell(*_values(root, paths))
    labels = None if chosen.labels is None else chosen.labels[kept]
    known: dict[str, Any] = {"classes": chosen.classes, "digest": _digest(chosen)}
    known["ids"] = lambda: _ids(files)
    K = len(chosen.classes)
    if pixels is not None:
        return in_memory("folder", split, pixels, labels, K, **known)

    def read(indices: np.ndarray) -> Batch:
        batch = {"image": np.stack([load(paths[i]) for i in indices])}
        return batch if labels is None else {**batch, "label": labels[indices]}

    label = None if labels is None else labels.__getitem__
    return Source("folder", split, shape, K, len(paths), read, labels=label, **known)


def _list(root: pathlib.Path, split: str) -> _Split:
    """Find the images of a split and their classes, opening none; say what is left out."""
    if not root.is_dir():
        raise UserError(f"data.data_dir: there is no folder {str(root)!r}")
    tree = listing.find(root, SPLITS)
    tops = {file.name[0] if len(file.name) > 1 else "" for file in tree.files}
    explicit = "train" in tops and tops <= set(SPLITS)
    tree = tree if explicit else listing.once(tree)
    found, depth = tree.files, int(explicit)
    homes = _homes(found)
    # From all splits: a class that is missing in one must not shift the numbers of the others.
    names = sorted({file.name[depth:-1][:1] for file in found})
    remarks.tell(*remarks.on_links(root, tree, found, homes, explicit))
    remarks.tell(*remarks.on_classes(root, tree, names, tops if explicit else ()))
    if not found:
        raise UserError(f"no images in the folder {root} (looked for {', '.join(SUFFIXES)})")
    if explicit:
        check_split(f"the folder {root}", split, [s for s in SPLITS if s in tops])
        chosen = [file for file in found if file.name[0] == split]
    else:
        check_split(f"the folder {root}", split, SPLITS[:2])
        test = [_is_test(pathlib.PurePath(home.path)) for home in homes]
        chosen = [file for file, t in zip(found, test, strict=True) if t == (split == "test")]
        if not chosen:
            raise UserError(f"the {split} split of {root} is empty: it has {len(found)} images")
    paths = [root / file.path for file in chosen]
    if () in names or len(names) < 2:
        return _Split(chosen, paths, None, ())
    number = {name: label for label, name in enumerate(names)}
    labels = np.array([number[file.name[depth:][:1]] for file in chosen], np.int32)
    return _Split(chosen, paths, labels, tuple(listing.shown(name) for (name,) in names))


def _homes(found: Sequence[File]) -> list[File]:
    """For each path the one by which its file is known: without a link, or else the first."""
    homes: dict[object, File] = {}
    for file in sorted(found, key=lambda file: file.linked):
        homes.setdefault(file.identity or file.path, file)
    return [homes[file.identity or file.path] for file in found]


def _is_test(path: pathlib.PurePath) -> bool:
    name = listing.spelled(path.as_posix())
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0


def _digest(chosen: _Split) -> str:
    """Of all names and sizes, and of the content of some files; the same on every machine."""
    digest = hashlib.sha256()
    for file in chosen.files:
        line = f"{'/'.join(file.name)}\0{file.size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    for path in _spread(chosen.paths, _DIGESTED):
        try:
            with path.open("rb") as stored:
                content = stored.read(_DIGESTED_BYTES)
        except OSError:  # it is for bad_images to say what that means
            content = b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _ids(files: Sequence[File]) -> np.ndarray:
    """A number for each real file, whatever path leads to it: int64 [N]."""
    texts = [repr(file.identity or file.name).encode("utf-8", "surrogateescape") for file in files]
    hashes = [hashlib.blake2b(text, digest_size=8).digest() for text in texts]
    return np.array([int.from_bytes(h, "big", signed=True) for h in hashes], np.int64)


def _spread(values: Sequence[T], count: int) -> Sequence[T]:
    """At most ``count`` of the values, evenly spaced."""
    return values[:: max(1, -(-len(values) // count))]


def _in_threads(
    function: Callable[[A], T], arguments: Sequence[A], bad_images: str
) -> list[T | UserError]:
    """``function`` of every argument, in order, or the UserError it raised.

    Under 'error' the first of these is raised, and what has not begun is not done. A list and no
    generator: one that is given up waits with its pool until the garbage collector closes it, in
    whatever thread that runs, and joining a pool there can stop the process for good.
    """

    def guard(argument: A) -> T | UserError:
        try:
            return function(argument)
        except UserError as error:
            if bad_images == "error":
                raise UserError(f"{error}; remove it, or set data.bad_images='skip'") from error
            return error

    pool = futures.ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(guard, arguments))
    finally:
        pool.shutdown(cancel_futures=True)


def _load(path: pathlib.Path, shape: tuple[int, ...], image_size: int, channels: int) -> np.ndarray:
    image = images.fit(images.decode(path), image_size, channels)
    if image.shape != shape:
        raise UserError(f"cannot read the image {path}: its header and its pixels disagree")
    return image


def _values(root: pathlib.Path, paths: Sequence[pathlib.Path]) -> list[str]:
    """What is odd about the values of some images, as they are stored."""
    looks = _in_threads(
        lambda path: (images.is_deep(path), images.decode(path)), _spread(paths, _DECODED), "skip"
    )
    good = [look for look in looks if not isinstance(look, UserError)]
    lines: list[str] = []
    for deep in (False, True):
        some = [image for is_deep, image in good if is_deep == deep]
        lines += remarks.on_values(root, some, deep) if some else []
    return lines


def _common_shape(
    paths: Sequence[pathlib.Path],
    headers: Sequence[tuple[int, int, int] | UserError],
    image_size: int,
    channels: int,
) -> tuple[int, int, int]:
    """The one shape that all images have once they are fitted."""
    first: tuple[pathlib.Path, tuple[int, int, int]] | None = None
    for path, header in zip(paths, headers, strict=True):
        if isinstance(header, UserError):
            continue
        shape = images.fitted(header, image_size, channels)
        if first is None:
            first = (path, shape)
        elif shape != first[1]:
            cure = "data.image_size" if shape[:2] != first[1][:2] else "data.channels"
            raise UserError(
                f"the images differ: {path} is {_by(shape)}, {first[0]} is {_by(first[1])}"
                f" (height x width x channels); set {cure} to make them equal"
            )
    if first is None:
        raise UserError(
            f"none of the {len(paths)} images looked at can be read, such as {paths[0]}"
        )
    return first[1]


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)
