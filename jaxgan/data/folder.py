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

import hashlib
import pathlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.base.files import expanded
from jaxgan.data import image_files, listing, remarks
from jaxgan.data.image_files import Fit, Rows, View
from jaxgan.data.listing import SUFFIXES, File
from jaxgan.data.source import Source, Spec, check_split

SPLITS = ("train", "test", "val", "validation")

T = TypeVar("T")


def describe(data_dir: str, split: str, fit: Fit, *, sides: bool = False) -> Spec:
    """The spec of ``open_folder`` from the listing and the headers of 500 files at most.

    So ``size`` still counts images that 'skip' leaves out when the folder is opened.
    """
    return image_files.describe(_list(expanded(data_dir), split, sides), fit)


def list_labels(data_dir: str, split: str, *, sides: bool = False) -> np.ndarray:
    """The labels that ``describe`` counts, int32 [N], from the listing; empty without classes."""
    found = _list(expanded(data_dir), split, sides).labels
    return np.zeros(0, np.int32) if found is None else found


def open_folder(data_dir: str, split: str, fit: Fit, *, sides: bool = False) -> Source:
    """The images of a folder: uint8 [N, H, W, C], sorted by path.

    Where ``sides`` are wanted, ``trainA``, ``trainB``, ``testA`` and so on are classes A and B of
    the splits train, test and so on.

    Raises:
      UserError: the folder is missing or has no images; the split does not exist; or as
        ``image_files.open_rows`` does.
    """
    rows = _list(expanded(data_dir), split, sides)
    return image_files.open_rows("folder", split, rows, fit)


def _list(root: pathlib.Path, split: str, sides: bool = False) -> Rows:
    """Find the images of a split and their classes, opening none; say what is left out."""
    check_there(root)
    if sides:  # a layout that else means what it always did: four classes
        tree = listing.part(listing.find(root, (*SPLITS, *listing.sided(SPLITS))), SPLITS)
    else:
        tree = listing.find(root, SPLITS)
    tops = {file.name[0] if len(file.name) > 1 else "" for file in tree.files}
    explicit = "train" in tops and tops <= set(SPLITS)
    tree = tree if explicit else listing.once(tree)
    found, depth = tree.files, int(explicit)
    homes = find_homes(found)
    # From all splits: a class that is missing in one must not shift the numbers of the others.
    names = sorted({file.name[depth:-1][:1] for file in found})
    remarks.tell(*remarks.on_links(root, tree, found, homes, explicit))
    remarks.tell(*remarks.on_classes(root, tree, names, tops if explicit else ()))
    if not found:
        raise no_images(root)
    if explicit:
        check_split(f"the folder {root}", split, [s for s in SPLITS if s in tops])
        chosen = [file for file in found if file.name[0] == split]
    else:
        chosen = by_hash(root, split, found, [home.path for home in homes])
    files, views = [(file,) for file in chosen], {"image": View()}
    if () in names or len(names) < 2:
        return Rows(root, files, views)
    number = {name: label for label, name in enumerate(names)}
    labels = np.array([number[file.name[depth:][:1]] for file in chosen], np.int32)
    return Rows(root, files, views, labels, tuple(listing.shown(name) for (name,) in names))


def check_there(root: pathlib.Path) -> None:
    """Raise a UserError if there is no such folder."""
    if not root.is_dir():
        raise UserError(f"data.data_dir: there is no folder {str(root)!r}")


def no_images(root: pathlib.Path) -> UserError:
    """The error for a folder without an image."""
    return UserError(f"no images in the folder {root} (looked for {', '.join(SUFFIXES)})")


def by_hash(
    root: pathlib.Path, split: str, found: Sequence[T], names: Sequence[str], what: str = "image"
) -> list[T]:
    """Those of ``found`` whose names the hash rule puts into the split.

    Raises:
      UserError: if these are none, or there is no such split.
    """
    check_split(f"the folder {root}", split, SPLITS[:2])
    tests = [is_test(pathlib.PurePath(name)) for name in names]
    chosen = [row for row, test in zip(found, tests, strict=True) if test == (split == "test")]
    if not chosen:
        raise UserError(f"the {split} split of {root} is empty: it has {len(found)} {what}s")
    return chosen


def find_homes(found: Sequence[File]) -> list[File]:
    """For each path the one by which its file is known: without a link, or else the first."""
    homes: dict[object, File] = {}
    for file in sorted(found, key=lambda file: file.linked):
        homes.setdefault(file.identity or file.path, file)
    return [homes[file.identity or file.path] for file in found]


def is_test(path: pathlib.PurePath) -> bool:
    """Whether the hash rule puts a path into the test split."""
    name = listing.spelled(path.as_posix())
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0
