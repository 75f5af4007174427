"""What lies below a folder of images: each real folder once, and what is left out, counted."""

import heapq
import os
import pathlib
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_SYSTEM = ("__MACOSX", "lost+found")  # made by archives and file systems, never by people
# What usually lies beside images and is none: no set is incomplete for leaving it out.
_COMPANIONS = (
    *(".cfg", ".csv", ".db", ".gz", ".htm", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log"),
    *(".md", ".pdf", ".py", ".rst", ".sh", ".tar", ".tgz", ".toml", ".tsv", ".txt", ".url", ".xml"),
    *(".yaml", ".yml", ".zip"),
    *("authors", "changelog", "citation", "copying", "licence", "license", "makefile", "notice"),
    *("md5sums", "readme", "sha1sums", "sha256sums"),
)

Identity = tuple[int, int]  # of a real file or folder: its device and its inode
Name = tuple[str, ...]  # the parts of a relative path, spelled as on every machine


class File(NamedTuple):
    """An image file.

    ``path`` is relative to the folder that was listed, as the system spells it; ``linked`` tells
    whether it leads through a symbolic link. ``size`` is in bytes, and -1 where the file cannot be
    reached; ``identity`` is None there.
    """

    name: Name
    path: str
    linked: bool
    size: int
    identity: Identity | None


class Folder(NamedTuple):
    """A folder that was read: its images, and the suffixes of the other files in it."""

    name: Name
    path: str
    linked: bool
    identity: Identity | None
    files: list[File]
    others: list[str]


class Listing(NamedTuple):
    """The folders of a tree, and the names of those passed over and of those not readable."""

    folders: list[Folder]
    passed_over: list[Name]
    unreadable: list[Name]

    @property
    def files(self) -> list[File]:
        """The images of all folders, in order."""
        return sorted(file for folder in self.folders for file in folder.files)


def find(root: pathlib.Path, apart: Collection[str]) -> Listing:
    """List the tree below ``root``, following links, each real folder once; no file is opened.

    A folder that several paths lead to has the one without a link, else the first one in order; a
    link to a folder around it leads nowhere. The trees of the folders in ``root`` that are called
    as in ``apart`` are each on their own: two splits may share a folder. Hidden files and folders
    are passed over without being counted.
    """
    around = {_identity(_stat(folder)) for folder in (root, *root.resolve().parents)}
    seen = {scope: set(around) for scope in ("", *apart)}
    listing = Listing([], [], [])
    plain: list[tuple[Name, str, bool]] = []
    links: list[tuple[bool, Name, str]] = []

    def read(name: Name, path: str, linked: bool, identity: Identity | None) -> None:
        folder = Folder(name, path, linked, identity, [], [])
        try:
            below = _read(root, folder)
        except OSError:
            listing.unreadable.append(name)
            return
        listing.folders.append(folder)
        for sub, where, is_link in below:
            if is_link:
                heapq.heappush(links, (not _scope(sub, apart), sub, where))
            else:
                plain.append((sub, where, linked))

    read((), "", False, None)
    while plain or links:
        # Links come last, those outside of the splits at the very end: a path without one wins.
        name, path, linked = plain.pop() if plain else (*heapq.heappop(links)[1:], True)
        scope = _scope(name, apart)
        identity = _identity(_stat(root / path))
        if identity and any(identity in seen[s] for s in ([scope] if scope else seen)):
            listing.passed_over.append(name)
            continue
        seen[scope].add(identity)
        read(name, path, linked, identity)
    return listing


def once(listing: Listing) -> Listing:
    """The listing of a tree that has no splits: each real folder once in all of it."""
    folders: dict[object, Folder] = {}
    passed_over = list(listing.passed_over)
    for folder in sorted(listing.folders, key=lambda f: (f.linked, f.name, f.path)):
        if folders.setdefault(folder.identity or folder.path, folder) is not folder:
            passed_over.append(folder.name)
    return listing._replace(folders=list(folders.values()), passed_over=passed_over)


def sided(splits: Collection[str]) -> dict[str, Name]:
    """What the sides A and B of the splits are called where they are one folder: trainA, ..."""
    return {f"{split}{side}": (split, side) for split in splits for side in "AB"}


def part(listing: Listing, splits: Collection[str]) -> Listing:
    """The listing with folders ``trainA`` as ``train/A``, and so on, if there is one for train."""
    parts = sided(splits)
    tops = {file.name[0] for file in listing.files if len(file.name) > 1}
    if not {"trainA", "trainB"} & tops:
        return listing

    def parted(name: Name) -> Name:
        return (*parts.get(name[0], name[:1]), *name[1:]) if name else name

    folders = [
        folder._replace(
            name=parted(folder.name),
            files=[file._replace(name=parted(file.name)) for file in folder.files],
        )
        for folder in listing.folders
    ]
    return listing._replace(folders=folders)


def spelled(name: str) -> str:
    """A file's name as every machine spells it: Unicode NFC, whatever the locale's encoding is.

    Bytes that are no UTF-8 become lone surrogates, as in ``os.fsdecode``.
    """
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "surrogateescape"))


def shown(name: str) -> str:
    """A name as text that UTF-8 can hold: bytes that are none are spelled out in hexadecimal."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _read(root: pathlib.Path, folder: Folder) -> list[tuple[Name, str, bool]]:
    """Fill in the files of a folder; return its sub-folders, and whether each is a link."""
    below = []
    with os.scandir(root / folder.path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = (*folder.name, spelled(entry.name))
            path = f"{folder.path}/{entry.name}" if folder.path else entry.name
            if _is_folder(entry):
                if entry.name not in _SYSTEM:
                    below.append((name, path, entry.is_symlink()))
            elif entry.name.lower().endswith(SUFFIXES):
                stat = _stat(entry)
                size = -1 if stat is None else stat.st_size
                linked = folder.linked or entry.is_symlink()
                folder.files.append(File(name, path, linked, size, _identity(stat)))
            else:
                stem, suffix = os.path.splitext(name[-1].lower())
                if entry.is_symlink() and _stat(entry) is None:  # perhaps once a class
                    folder.others.append("leading nowhere")
                elif (suffix or stem) not in _COMPANIONS:
                    folder.others.append(suffix or "without a suffix")
    return below


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _stat(file: os.DirEntry[str] | pathlib.Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def _identity(stat: os.stat_result | None) -> Identity | None:
    """None too where a file system has no inodes, and says 0."""
    return (stat.st_dev, stat.st_ino) if stat is not None and stat.st_ino else None


def _scope(name: Name, apart: Collection[str]) -> str:
    return name[0] if name[0] in apart else ""
