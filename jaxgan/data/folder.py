"""A folder of image files as a dataset.

Which images form a split: where every sub-folder of the folder is called train, test, val or
validation, and one is train, these are the splits. Otherwise the SHA-256 of a file's path, relative
to the folder and with forward slashes, decides: a first 8 bytes divisible by ten is test, about
10 %, the rest is train, on every machine and whatever else the folder holds.

Labels: where all images of all splits lie in sub-folders, and these have at least two names, the
sorted names are the classes.
"""

import hashlib
import logging
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import NamedTuple, TypeVar

import numpy as np

from jaxgan.data import images
from jaxgan.data.source import Batch, Source, Spec, check_split, in_memory
from jaxgan.errors import UserError
from jaxgan.files import expanded

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SPLITS = ("train", "test", "val", "validation")
IN_MEMORY = 2 << 30  # bytes of decoded images up to which a folder is decoded when it is opened
_GLANCE = 500  # headers that ``describe`` reads

A = TypeVar("A")
T = TypeVar("T")


class _Files(NamedTuple):
    """The images of a split, and the class of each, or None."""

    paths: list[pathlib.Path]
    labels: np.ndarray | None
    num_classes: int


def describe(
    data_dir: str, split: str, *, image_size: int = 0, channels: int = 0, bad_images: str = "error"
) -> Spec:
    """The spec of ``open_folder`` from the listing and the headers of 500 files at most.

    So ``size`` still counts images that 'skip' leaves out when the folder is opened.
    """
    files = _list(expanded(data_dir), split)
    glance = files.paths[:: -(-len(files.paths) // _GLANCE)]
    found = _check(_in_threads(images.header, glance), bad_images, warn=False)
    shape = _common_shape(glance, found, image_size, channels)
    return Spec(shape, files.num_classes, len(files.paths))


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
    files = _list(root, split)
    headers = _check(_in_threads(images.header, files.paths), bad_images)
    shape = _common_shape(files.paths, headers, image_size, channels)

    def load(path: pathlib.Path) -> np.ndarray:
        image = images.fit(images.decode(path), image_size, channels)
        if image.shape != shape:
            raise UserError(f"cannot read the image {path}: its header and its pixels disagree")
        return image

    kept = np.array([i for i, header in enumerate(headers) if header is not None])
    paths = [files.paths[i] for i in kept]
    fits = len(paths) * int(np.prod(shape)) <= IN_MEMORY
    pixels = np.empty((len(paths), *shape), np.uint8) if fits else None

    def probe(numbered: tuple[int, pathlib.Path]) -> bool:
        image = load(numbered[1])
        if pixels is not None:
            pixels[numbered[0]] = image
        return True

    if fits or bad_images == "skip":
        decoded = _check(_in_threads(probe, list(enumerate(paths))), bad_images)
        good = np.array([ok is not None for ok in decoded])
        if not good.all():
            kept, paths = kept[good], [path for path, ok in zip(paths, good, strict=True) if ok]
            pixels = None if pixels is None else pixels[good]
    if len(paths) < len(files.paths):
        left_out = len(files.paths) - len(paths)
        logging.warning("left out %d of the %d images in %s", left_out, len(files.paths), root)
    if not paths:
        raise UserError(f"none of the {len(files.paths)} images in {root} can be read")
    labels = None if files.labels is None else files.labels[kept]
    if pixels is not None:
        return in_memory("folder", split, pixels, labels, files.num_classes)

    def read(indices: np.ndarray) -> Batch:
        batch = {"image": np.stack([load(paths[i]) for i in indices])}
        return batch if labels is None else {**batch, "label": labels[indices]}

    return Source("folder", split, shape, files.num_classes, len(paths), read)


def _list(root: pathlib.Path, split: str) -> _Files:
    """Find the images of a split and their classes, reading no file."""
    if not root.is_dir():
        raise UserError(f"data.data_dir: there is no folder {str(root)!r}")
    found = sorted(_walk(root))
    if not found:
        raise UserError(f"no images in the folder {root} (looked for {', '.join(SUFFIXES)})")
    tops = {path.parts[0] if len(path.parts) > 1 else "" for path in found}
    if "train" in tops and tops <= set(SPLITS):
        check_split(f"the folder {root}", split, [s for s in SPLITS if s in tops])
        chosen = [path for path in found if path.parts[0] == split]
        classes = [path.parts[1:-1][:1] for path in found]
        own = [path.parts[1:-1][:1] for path in chosen]
    else:
        check_split(f"the folder {root}", split, SPLITS[:2])
        chosen = [path for path in found if _is_test(path) == (split == "test")]
        classes = [path.parts[:-1][:1] for path in found]
        own = [path.parts[:-1][:1] for path in chosen]
        if not chosen:
            raise UserError(f"the {split} split of {root} is empty: it has {len(found)} images")
    paths = [root / path for path in chosen]
    # From all splits: a class that is missing in one must not shift the numbers of the others.
    names = sorted(set(classes))
    if () in names or len(names) < 2:
        return _Files(paths, None, 0)
    labels = np.array([names.index(name) for name in own], np.int32)
    return _Files(paths, labels, len(names))


def _walk(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """The image files below ``root``, relative to it; hidden files and folders are passed over."""
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield pathlib.Path(folder, name).relative_to(root)


def _is_test(path: pathlib.Path) -> bool:
    digest = hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0


def _in_threads(function: Callable[[A], T], arguments: Sequence[A]) -> Iterator[T | UserError]:
    """``function`` of every argument, in order, or the UserError it raised."""

    def guarded(argument: A) -> T | UserError:
        try:
            return function(argument)
        except UserError as error:
            return error

    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(guarded, arguments)


def _check(results: Iterator[T | UserError], bad_images: str, warn: bool = True) -> list[T | None]:
    """The results, None for the bad ones, which are warned about, or raised under 'error'."""
    checked: list[T | None] = []
    for result in results:
        if isinstance(result, UserError):
            if bad_images == "error":
                raise UserError(f"{result}; remove it, or set data.bad_images='skip'")
            if warn:
                logging.warning("%s; it is left out", result)
            checked.append(None)
        else:
            checked.append(result)
    return checked


def _common_shape(
    paths: Sequence[pathlib.Path],
    headers: Sequence[tuple[int, int, int] | None],
    image_size: int,
    channels: int,
) -> tuple[int, int, int]:
    """The one shape that all images have once they are fitted."""
    first: tuple[pathlib.Path, tuple[int, int, int]] | None = None
    for path, header in zip(paths, headers, strict=True):
        if header is None:
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
