"""Files that appear whole or not at all, what is told where one cannot, and the cache."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxgan.base import errors

# What the public functions take for a file or a folder.
Place = str | os.PathLike[str]
# How an address begins, also where `Path` has left it one stroke of two.
ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/")


class WriteError(errors.UserError, OSError):
    """A file that cannot be written: a full disk, a quota, a place that is read-only.

    An ``OSError`` still, for what can do without the file.
    """


@contextmanager
def writing(path: Place) -> Iterator[None]:
    """A context in which the system's refusal to write to ``path`` becomes one line.

    Raises:
      WriteError: with what the system said.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"cannot write to {path}: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to, which takes its place when the block ends well.

    Raises:
      WriteError: if it cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def nearest(path: Place) -> Path:
    """The path, or the nearest folder above it that is there, as far as can be seen."""
    whole = Path(path).absolute()
    # Not `Path.exists`, which raises where a folder above may not be searched.
    return next(place for place in (whole, *whole.parents) if os.path.exists(place))


def check_local(path: Place) -> None:
    """Refuses an address such as ``gs://bucket/run``, of which `Path` would make a folder ``gs:``.

    Raises:
      UserError: if it is one.
    """
    if reason := elsewhere(path):
        raise errors.UserError(f"{path} is {reason}")


def elsewhere(path: Place) -> str:
    """What a path is that is none of a file system, and what to do; '' if it is one."""
    if not ADDRESS.match(os.fspath(path)):
        return ""
    return (
        "an address, not a folder: a run locks, renames and appends to files, which object stores "
        "cannot, nor all of it through a mount; name a disk that all processes see, and copy from "
        "there"
    )


def cannot_hold(path: Place) -> str:
    """Why no file or folder ``path`` can be made, told without making one; '' if it can."""
    if reason := elsewhere(path):
        return f"it is {reason}"
    there = nearest(path)
    if not there.is_dir():
        return "Not a directory"
    return "" if os.access(there, os.W_OK | os.X_OK) else "Permission denied"


def check_place(path: Path) -> None:
    """Refuses a place that no file can be written to, before the work for it is done.

    Raises:
      UserError: for a folder, or where nothing can be made.
    """
    if path.is_dir() or cannot_hold(path.parent):
        raise errors.UserError(f"cannot write {path}: no file can be made there")


def check_new(path: Path) -> None:
    """Refuses a file that somebody has named, and that is there already.

    Raises:
      UserError: if it is, or as ``check_place`` does.
    """
    check_place(path)
    if path.exists():
        raise errors.UserError(f"{path} is there already; take another --out")


def amount(count: float) -> str:
    """A number of bytes in the unit that fits it."""
    for unit in ("bytes", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def expanded(path: Place) -> Path:
    """The path, its ``~`` replaced by the home folder.

    Raises:
      UserError: if the system does not know of one.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise errors.UserError(f"{path}: there is no such home folder; name the whole path") from (
            error
        )


def cache(kind: str) -> Path | None:
    """The folder for one kind of what is kept between runs, under ``$XDG_CACHE_HOME``.

    ``None`` where there is no home folder either: what can be made again is not kept then.
    """
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return root / "jaxgan" / kind
