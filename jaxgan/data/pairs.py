"""A folder of aligned pairs of images: of two sides A and B, one is the image, one the target.

Either the two sides lie in two sub-folders, and files of one name are a pair (or of one name but
for the suffix, where no other has it), or one file holds both, A in its left half and B in its
right one. Files lie in two sub-folders where there are ``A`` and ``B``, or ``trainA``, ``trainB``,
``testA`` and so on, or exactly two sub-folders, which are A and B in the order of their names;
below the splits or above them.

Splits are those of a folder of images (see ``folder``): by sub-folders, where there is a train, or
by the hash of a pair's path without its side, or of the path of a file that holds both.
"""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.base.errors import UserError
from jaxgan.base.files import expanded
from jaxgan.data import folder, image_files, listing, remarks
from jaxgan.data.image_files import Fit, Rows, View
from jaxgan.data.listing import File, Name
from jaxgan.data.source import Source, Spec, check_split

DIRECTIONS = ("AtoB", "BtoA")
_HALVES = (View(0, 0), View(0, 1))
_FILES = (View(0), View(1))


class _Pair(NamedTuple):
    """A pair: its name, without a side, and its file, or those of A and of B."""

    name: Name
    files: tuple[File, ...]


def describe(data_dir: str, split: str, fit: Fit, *, direction: str) -> Spec:
    """The spec of ``open_pairs`` from the listing and the headers of 500 pairs at most.

    So ``size`` still counts pairs that 'skip' leaves out when the folder is opened.
    """
    return image_files.describe(_list(expanded(data_dir), split, direction), fit)


def open_pairs(data_dir: str, split: str, fit: Fit, *, direction: str) -> Source:
    """The pairs of a folder, sorted by path: image and target, uint8 [N, H, W, C] each.

    With the direction 'AtoB' the side A is the image and B the target, with 'BtoA' the other way.

    Raises:
      UserError: the folder is missing or has no pairs; the split does not exist; or as
        ``image_files.open_rows`` does, also for an image of two halves with an odd width.
    """
    rows = _list(expanded(data_dir), split, direction)
    return image_files.open_rows("pairs", split, rows, fit)


def _list(root: pathlib.Path, split: str, direction: str) -> Rows:
    """Find the pairs of a split, opening none; say what is left out."""
    folder.check_there(root)
    splits = folder.SPLITS
    tree = listing.part(listing.find(root, ("A", "B", *splits, *listing.sided(splits))), splits)
    if not tree.files:
        raise folder.no_images(root)
    depth = int(any(file.name[0] == "train" and len(file.name) > 1 for file in tree.files))
    inside = [file for file in tree.files if not depth or _top(file.name) in splits]
    sides = _find_sides(root, inside, depth)
    if not sides:
        tree = tree if depth else listing.once(tree)
        inside = [file for file in tree.files if not depth or _top(file.name) in splits]
        pairs = [_Pair(file.name, (file,)) for file in inside]
    else:
        pairs = _find_pairs(root, inside, sides, depth)
    tops = {_top(pair.name) for pair in pairs}
    explicit = "train" in tops and (bool(depth) or tops <= set(splits))
    paired = {file.path for pair in pairs for file in pair.files}
    alone = [file for file in tree.files if file.path not in paired]
    firsts = [pair.files[0] for pair in pairs]
    homes = folder.find_homes(firsts)
    remarks.tell(*remarks.on_links(root, tree, firsts, homes, explicit))
    remarks.tell(*remarks.on_classes(root, tree, (), ()))
    remarks.tell(*remarks.on_partners(root, alone, len(tree.files)))
    if explicit:
        check_split(f"the folder {root}", split, [s for s in splits if s in tops])
        chosen = [pair for pair in pairs if pair.name[0] == split]
    else:
        names = {pair.files[0].path: "/".join(pair.name) for pair in pairs}
        chosen = folder.by_hash(root, split, pairs, [names[home.path] for home in homes], "pair")
    views = _FILES if sides else _HALVES
    image, target = views if direction == "AtoB" else views[::-1]
    return Rows(root, [pair.files for pair in chosen], {"image": image, "target": target})


def _top(name: Name) -> str:
    """The folder that a name begins with, or ''."""
    return name[0] if len(name) > 1 else ""


def _find_sides(root: pathlib.Path, files: Sequence[File], depth: int) -> tuple[str, ...]:
    """The sub-folders that are A and B, or () where one file holds both."""
    tops = {_top(file.name[depth:]) for file in files}
    if {"A", "B"} <= tops:
        return "A", "B"
    if len(tops) == 2 and "" not in tops:
        return tuple(sorted(tops))
    if lone := tops & {"A", "B"}:
        raise UserError(f"the folder {root} has a side {lone.pop()!r} alone; it needs A and B")
    return ()


def _find_pairs(
    root: pathlib.Path, files: Sequence[File], sides: Sequence[str], depth: int
) -> list[_Pair]:
    """The pairs of files of one name on both sides, in order."""
    A, B = (
        {
            (*file.name[:depth], *file.name[depth + 1 :]): file
            for file in files
            if _top(file.name[depth:]) == side
        }
        for side in sides
    )
    pairs = [_Pair(name, (A[name], B[name])) for name in A.keys() & B.keys()]
    rest = [_by_stem(side.keys() - {pair.name for pair in pairs}) for side in (A, B)]
    for stem in rest[0].keys() & rest[1].keys():
        a, b = (names[stem] for names in rest)
        if len(a) == len(b) == 1:
            pairs.append(_Pair(a[0], (A[a[0]], B[b[0]])))
    if not pairs:
        raise UserError(
            f"the sub-folders {sides[0]!r} and {sides[1]!r} of {root} are the two sides of pairs,"
            " and no image of one has a partner of its name in the other"
        )
    return sorted(pairs)


def _by_stem(names: Sequence[Name] | set[Name]) -> dict[Name, list[Name]]:
    """The names by what they are without their suffix."""
    found: dict[Name, list[Name]] = {}
    for name in names:
        found.setdefault((*name[:-1], name[-1].rpartition(".")[0]), []).append(name)
    return found
