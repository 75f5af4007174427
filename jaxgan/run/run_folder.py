"""The folder of a run: its files, its lock, and whether a config may go on in it."""

import errno
import fcntl
import itertools
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jaxgan.base import environment, errors, files
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.config import SAFE, complete, flatten, plain
from jaxgan.run import encoded

CONFIG, METRICS, LOCK = "config.json", "metrics.jsonl", ".lock"
CHECKPOINTS, SAMPLES, EVALUATION, DAMAGED = "checkpoints", "samples", "evaluation", "damaged"
# What ``config.json`` holds beside the config.
EXPERIMENT, DATASET, ENVIRONMENT = "experiment", "dataset", "environment"
HARDWARE, AUTOENCODER = "hardware", "autoencoder"
# In the folder of a lane: how many its run has, which of them it is, and where the run lies.
LANE = "lane"
BESIDE = (EXPERIMENT, DATASET, ENVIRONMENT, HARDWARE, AUTOENCODER, LANE)
# What the system says of a lock that another holds; anything else means that it has no locks.
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


def check_place(workdir: Path) -> None:
    """Refuses a place where no folder can be made, without making one.

    Raises:
      UserError: if the nearest folder above it that is there cannot be written to, or its name
        cannot be given to TensorStore.
    """
    check_name(workdir)
    if reason := files.cannot_hold(workdir):
        raise errors.UserError(f"cannot write to workdir {workdir}: {reason}")


def check_name(workdir: Path) -> None:
    """Refuses a name that checkpoints cannot be written under.

    Raises:
      UserError: for an address, bytes that are no text, or letters that the locale cannot write.
    """
    files.check_local(workdir)
    name = str(workdir.absolute())
    try:
        name.encode()  # TensorStore takes no other
        os.fsencode(name)
    except UnicodeEncodeError as error:
        hint = "rename it" if sys.getfilesystemencoding() == "utf-8" else "set LC_ALL=C.UTF-8"
        raise errors.UserError(
            f"the name of workdir {name!a} cannot be written in {error.encoding}: {hint}"
        ) from error


def create(workdir: Path) -> None:
    """Makes the folder, and proves that it can be written to.

    Raises:
      UserError: if it cannot.
    """
    check_name(workdir)
    with files.writing(f"workdir {workdir}"):
        workdir.mkdir(parents=True, exist_ok=True)
        probe = workdir / f".probe.{os.getpid()}"
        probe.write_text("")
        probe.unlink()


@contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Holds the folder for this process; the system lets go when it ends, however it ends.

    Where the file system has no locks, a warning says that the folder is not held.

    Raises:
      UserError: naming the process that holds it, or if the lock's file cannot be written.
    """
    path = workdir / LOCK
    with files.writing(path):
        # Opened without truncation: the holder's name must stay readable.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                holder = file.read().strip() or "another process"
                raise errors.UserError(f"workdir {workdir} is in use by {holder}") from error
            logging.getLogger("jaxgan").warning(
                "workdir %s cannot be locked (%s): see to it yourself that no other process "
                "trains there",
                workdir,
                error.strerror or error,
            )
        with files.writing(path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        yield


def holder(workdir: Path) -> str:
    """The process that trains in the folder, as its lock names it; '' if none does."""
    try:
        file = os.fdopen(os.open(workdir / LOCK, os.O_RDWR), "r+")
    except OSError:
        return ""
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return (file.read().strip() or "another process") if error.errno in HELD else ""
    return ""


def to_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as JSON holds it."""
    return json.loads(json.dumps(plain(config)))


def describe(
    config: ConfigDict,
    experiment: str,
    dataset: NamedTuple,
    autoencoder: Autoencoder | None = None,
) -> dict[str, Any]:
    """What ``config.json`` holds: the config, the file it came from, its data, and JAX's switches.

    Where the data are latents also whose they are.

    So a model is loaded where the data are not, and it is noticed where they or the random numbers
    have become others under the same name.
    """
    latent = {AUTOENCODER: encoded.tell(autoencoder)} if autoencoder else {}
    return {
        EXPERIMENT: experiment,
        DATASET: to_json(dataset._asdict()),
        ENVIRONMENT: environment.present(),
        **latent,
        **to_json(config),
    }


def read_config(workdir: files.Place) -> dict[str, Any]:
    """The file ``config.json``, see ``describe``.

    Raises:
      UserError: if it is not there or not readable.
    """
    path = Path(workdir) / CONFIG
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        raise errors.UserError(f"{workdir} is not the folder of a run: no {CONFIG}") from None
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(stored, dict):
        raise errors.UserError(f"{path} does not hold a config")
    return stored


def check(workdir: Path, new: dict[str, Any]) -> None:
    """Refuses to go on with a run under another config, on other data, or with other numbers.

    What an older version did not store is not compared.

    Raises:
      UserError: naming every field that differs, unless it is safe to change (``config.SAFE``).
    """
    if not os.path.exists(workdir / CONFIG):
        if any(os.path.exists(workdir / name) for name in (METRICS, CHECKPOINTS)):
            raise errors.UserError(f"{workdir} holds a run without {CONFIG}; take another workdir")
        return
    old = read_config(workdir)
    if of := group(old, LANE):
        whole = os.path.normpath(workdir / of.get("run", ".."))
        raise errors.UserError(f"{workdir} is one seed of the run in {whole}: go on with that")
    # A field that there was not yet had what is its default now.
    if changed := changes(to_json(complete(of_config(old))), new):
        raise errors.UserError(
            f"the run in {workdir} has another config: {changed}; take another "
            f"workdir, or set them as they were"
        )
    if changed := encoded.changes(group(old, AUTOENCODER), group(new, AUTOENCODER)):
        raise errors.UserError(f"{changed}; take another workdir than {workdir}, or set it back")
    if changed := data_changes(old, new):
        raise errors.UserError(
            f"the data have changed: {changed}; take another workdir than {workdir}, or put back "
            f"those that it began on"
        )
    if changed := environment.changes(group(old, ENVIRONMENT), group(new, ENVIRONMENT)):
        raise errors.UserError(f"JAX draws or computes other numbers than {workdir}: {changed}")


def claim(workdir: Path, new: dict[str, Any]) -> None:
    """Writes the config that the run goes on under.

    Raises:
      UserError: if it cannot be written.
    """
    with files.replacing(workdir / CONFIG) as path:
        path.write_text(as_text(new))


def as_text(config: dict[str, Any]) -> str:
    """What the file ``config.json`` says."""
    return json.dumps(config, indent=2) + "\n"


def changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The fields that differ and are not safe to change, with both values; '' if none does."""
    before, after = dict(flatten(of_config(old))), dict(flatten(of_config(new)))
    return "; ".join(
        f"{key} was {before.get(key)!r}, now {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
        if not key.startswith(SAFE)
    )


def check_settings(workdir: Path, stored: ConfigDict, given: ConfigDict) -> None:
    """Refuses a config to load a run by that is another one; it may be evaluated in another way.

    Raises:
      UserError: naming every field that differs and is not safe to change.
    """
    told = to_json(given)
    if changed := changes({**to_json(stored), "evaluation": told["evaluation"]}, told):
        raise errors.UserError(f"the run in {workdir} has another config: {changed}")


def data_changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """How the data of two ``describe`` differ, as far as both are known; '' if they do not.

    Names of classes or a digest that one of the two lacks say nothing.
    """
    before, after = group(old, DATASET), group(new, DATASET)
    told = [
        f"dataset.{key} was {before[key]!r}, now {after[key]!r}"
        for key in sorted(before.keys() & after.keys() - {"classes", "digest"})
        if before[key] != after[key]
    ]
    names = [each.get("classes") or () for each in (before, after)]
    if all(names):
        pairs = enumerate(itertools.zip_longest(*names))
        renamed = [f"class {i} was {was!r}, now {now!r}" for i, (was, now) in pairs if was != now]
        told += renamed[:1]
    digests = {each.get("digest") or "" for each in (before, after)}
    # A digest stands for all the rest, and tells nobody anything.
    if not told and len(digests - {""}) > 1:
        told = ["other samples of the same shape and number"]
    return "; ".join(told)


def of_config(stored: dict[str, Any]) -> dict[str, Any]:
    """The config alone, of what ``config.json`` holds."""
    return {key: value for key, value in stored.items() if key not in BESIDE}


def group(stored: dict[str, Any], name: str) -> dict[str, Any]:
    """What is stored beside the config under ``name``; {} where an older version stored nothing."""
    found = stored.get(name)
    return found if isinstance(found, dict) else {}
