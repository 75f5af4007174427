"""The folder of a run: its files, its lock, and whether a config may go on in it."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jaxgan import errors, files
from jaxgan.config import SAFE, flatten
from jaxgan.resolve import plain

CONFIG, METRICS, LOCK = "config.json", "metrics.jsonl", ".lock"
CHECKPOINTS, SAMPLES, EVALUATION, DAMAGED = "checkpoints", "samples", "evaluation", "damaged"


def check_place(workdir: Path) -> None:
    """Refuses a place where no folder can be made, without making one.

    Raises:
      UserError: if the nearest folder above it that is there cannot be written to.
    """
    nearest = next(
        path for path in (workdir.absolute(), *workdir.absolute().parents) if path.exists()
    )
    if not nearest.is_dir():
        raise errors.UserError(f"cannot write to workdir {workdir}: Not a directory")
    if not os.access(nearest, os.W_OK):
        raise errors.UserError(f"cannot write to workdir {workdir}: Permission denied")


def create(workdir: Path) -> None:
    """Makes the folder, and proves that it can be written to.

    Raises:
      UserError: if it cannot.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        probe = workdir / f".probe.{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise errors.UserError(f"cannot write to workdir {workdir}: {error.strerror}") from error


@contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Holds the folder for this process; the system lets go when it ends, however it ends.

    Raises:
      UserError: naming the process that holds it.
    """
    # Opened without truncation: the holder's name must stay readable.
    with os.fdopen(os.open(workdir / LOCK, os.O_RDWR | os.O_CREAT, 0o644), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = file.read().strip() or "another process"
            raise errors.UserError(f"workdir {workdir} is in use by {holder}") from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def to_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as JSON holds it."""
    return json.loads(json.dumps(plain(config)))


def describe(config: ConfigDict, experiment: str, dataset: NamedTuple) -> dict[str, Any]:
    """What ``config.json`` holds: the config, the file it came from, and what the data looked like.

    So a model is loaded where the data is not, and data that changed under their name are noticed.
    """
    return {"experiment": experiment, "dataset": to_json(dataset._asdict()), **to_json(config)}


def read_config(workdir: Path) -> dict[str, Any]:
    """The file ``config.json``, see ``describe``.

    Raises:
      UserError: if it is not there or not readable.
    """
    path = workdir / CONFIG
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise errors.UserError(f"{workdir} is not the folder of a run: no {CONFIG}") from error
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(stored, dict):
        raise errors.UserError(f"{path} does not hold a config")
    return stored


def check(workdir: Path, new: dict[str, Any]) -> None:
    """Refuses to go on with a run under another config.

    Raises:
      UserError: naming every field that differs, unless it is safe to change (``config.SAFE``).
    """
    if (workdir / CONFIG).exists():
        if changed := changes(read_config(workdir), new):
            raise errors.UserError(
                f"the run in {workdir} has another config: {changed}; take another "
                f"workdir, or set them as they were"
            )
    elif any((workdir / name).exists() for name in (METRICS, CHECKPOINTS)):
        raise errors.UserError(f"{workdir} holds a run without {CONFIG}; take another workdir")


def claim(workdir: Path, new: dict[str, Any]) -> None:
    """Writes the config that the run goes on under."""
    with files.replacing(workdir / CONFIG) as path:
        path.write_text(as_text(new))


def as_text(config: dict[str, Any]) -> str:
    """What the file ``config.json`` says."""
    return json.dumps(config, indent=2) + "\n"


def changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The fields that differ and are not safe to change, with both values; '' if none does."""
    before, after = dict(flatten(old)), dict(flatten(new))
    return "; ".join(
        f"{key} was {before.get(key)!r}, now {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
        if not key.startswith(SAFE) and key != "experiment"
    )
