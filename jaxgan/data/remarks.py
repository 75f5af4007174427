"""What one should know about a folder of images before training on it: a line for each thing."""

import collections
import pathlib
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data.listing import SUFFIXES, File, Listing, Name, shown
from jaxgan.data.source import warn_once

_NAMES = 5  # folders or suffixes that a line names before it only counts the others
_BAD = 10  # bad images that get a line each


def tell(*lines: str) -> None:
    """Warn with each line, once in a process: a run describes and opens a folder several times."""
    for line in lines:
        warn_once(line)


def on_links(
    root: pathlib.Path, tree: Listing, found: Sequence[File], homes: Sequence[File], explicit: bool
) -> Iterator[str]:
    """Of folders that were not read, and of files with several paths.

    ``homes`` are the paths by which the files ``found`` are known; with ``explicit`` splits, these
    are folders.
    """
    if tree.passed_over:
        yield (
            f"passed over {_count(tree.passed_over, 'folder')} of {root} that only lead to where"
            f" other paths lead, by a loop of links or a second one: {_paths(tree.passed_over)}"
        )
    if tree.unreadable:
        count = _count(tree.unreadable, "folder")
        yield f"cannot list {count} of {root}: {_paths(tree.unreadable)}"
    twice = [pair for pair in zip(found, homes, strict=True) if pair[0] is not pair[1]]
    apart = [pair for pair in twice if explicit and pair[0].name[0] != pair[1].name[0]]
    if twice:
        path, home = (_paths([file.name]) for file in (apart or twice)[0])
        splits = f"; {len(apart)} of them are in two splits" if apart else ""
        yield (
            f"{len(twice)} of the {_count(found, 'image')} of {root} are others by another path,"
            f" such as {path}, which is the file {home}{splits}"
        )


def on_classes(
    root: pathlib.Path, tree: Listing, names: Sequence[Name], splits: Collection[str]
) -> Iterator[str]:
    """Of files that were left out, and of what became of the folders that may be classes.

    ``names`` are those of the classes, or of the one class, with () for images in none;
    ``splits`` are the folders that are splits, if they are explicit.
    """
    depth = 1 if splits else 0
    left_out = [suffix for folder in tree.folders for suffix in folder.others]
    folders = [f for f in tree.folders if not splits or {*f.name[:1]} & {*splits}]
    # Where there would be no labels anyway, a folder of other things is worth no word.
    meant = (f.name[depth:] for f in folders if len(names) > 1 or f.others)
    missing = sorted({name[0] for name in meant if name} - {n for name in names for n in name})
    parts = []
    if left_out:
        parts.append(f"left out {_count(left_out, 'file')}: {_kinds(left_out)}")
    if missing and names and () not in names:
        parts.append(f"{_some(missing)} {'are no classes' if missing[1:] else 'is no class'}")
    if parts:
        yield f"{root}: {'; '.join(parts)}; only {', '.join(SUFFIXES)} are read"
    numbers = [name[0] for name in names if name and name[0].isascii() and name[0].isdecimal()]
    if len(names) > 1 and len(numbers) == len(names):
        for label, number in enumerate(numbers):
            if int(number) != label:
                yield (
                    f"the classes of {root} are numbers, but label {label} is the folder"
                    f" {number!r}: labels count from 0, in the order of the names as text"
                )
                break


def on_bad(
    root: pathlib.Path, bad: Sequence[UserError], count: int, what: str = "image"
) -> Iterator[str]:
    """Of the images, or pairs of them, out of ``count``, that cannot be read."""
    yield from (f"{error}; it is left out" for error in bad[:_BAD])
    if bad:
        more = f": the {_BAD} named and {len(bad) - _BAD} more" if len(bad) > _BAD else ""
        yield f"left out {len(bad)} of the {count} {what}s in {root}{more}"


def on_partners(root: pathlib.Path, alone: Sequence[File], count: int) -> Iterator[str]:
    """Of the images, out of ``count``, that are in no pair."""
    if alone:
        yield (
            f"left out {len(alone)} of the {count} images in {root} that are in no pair:"
            f" {_some([file.path for file in alone])}"
        )


def on_values(root: pathlib.Path, images: Sequence[np.ndarray], deep: bool) -> Iterator[str]:
    """Of the range of some images, uint8 each, of which ``deep`` ones were stored with 16 bits."""
    low, high = min(int(i.min()) for i in images), max(int(i.max()) for i in images)
    where = f"in {_count(images, '16-bit image' if deep else 'image')} of {root} looked at"
    bits = high.bit_length()
    cause = f"{bits + 8} bits in 16?" if deep else f"{bits} bits in 8, or a mask?"
    if low == high:
        yield f"every pixel is {high} of 255 {where}" + (f": {cause}" if deep and not high else "")
    elif high < (128 if deep else 64):
        yield f"no value above {high} of 255 {where}: {cause}"
    elif high - low < 32:
        yield f"no value below {low} or above {high} of 255 {where}"
    elif len(images) > 1 and all(np.array_equal(i, images[0]) for i in images):
        yield f"all are the same {where}"


def _count(things: Collection[object], what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _kinds(suffixes: Iterable[str]) -> str:
    """Such as '30 .tiff, 20 .gif'."""
    counts = collections.Counter(suffixes).items()
    most = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    return _some([f"{count} {suffix}" for suffix, count in most])


def _paths(names: Sequence[Name]) -> str:
    return _some(["/".join(name) or "." for name in names])


def _some(words: Sequence[str]) -> str:
    more = len(words) - _NAMES
    listed = ", ".join(shown(word) for word in words[:_NAMES])
    return listed if more <= 0 else f"{listed} and {more} more"
