"""What the commands of this room begin with: the model, its latents, where the result goes."""

import argparse
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.base import errors, files
from jaxgan.latent import generator as generators
from jaxgan.latent.generator import Generator
from jaxgan.run import judge, trained, translating, written

PyTree = Any


def model(flags: argparse.Namespace, settings: ConfigDict | None, devices: int = 1) -> Any:
    """The run or the published file that the flags name.

    Args:
      flags: of the command line.
      settings: see ``trained.load``.
      devices: that a run's model may use; 0: all.

    Raises:
      UserError: if there is none that can be used.
    """
    if flags.weights is not None:
        return translating.load(files.expanded(flags.weights))
    if not flags.workdir:
        raise errors.UserError("--workdir=DIR is missing: the folder of the run")
    workdir = Path(flags.workdir)
    step = judge.one_step(workdir, flags.step)
    return trained.load(workdir, step, settings, devices=devices)


def place(flags: argparse.Namespace, gan: Any, name: str, suffixes: tuple[str, ...]) -> Path:
    """Where the result goes: ``--out``, or among the samples of the run.

    Raises:
      UserError: if no file can be made there.
    """
    if flags.out:
        return Path(flags.out)
    out = Path(flags.workdir) / "samples" / f"{name}_{gan.step:08}{suffixes[0]}"
    files.check_place(out)
    return out


def check(out: Path, suffixes: tuple[str, ...]) -> None:
    """Refuses a file that cannot be the result, before anything is loaded.

    Raises:
      UserError: for another ending than these, a place where no file can be made, or one that is
        there already.
    """
    if out.suffix not in suffixes:
        raise errors.UserError(f"this is written as {', '.join(suffixes)}, not {out.name!r}")
    files.check_new(out)


def key(flags: argparse.Namespace) -> jax.Array:
    """Of ``--seed``.

    Raises:
      UserError: for one that no key has.
    """
    seed = flags.seed or 0
    written.check_request(None, 1, seed)
    return jax.random.key(seed)


def read_labels(paths: str) -> list[int] | None:
    """The labels in files of latents, see ``read_latents``; ``None`` unless all have them."""
    found: list[int] = []
    for path in paths.split(","):
        stored = np.load(path, allow_pickle=False)
        labels = None if isinstance(stored, np.ndarray) else stored.get("labels")
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu":
            return None
        found += labels.tolist()
    return found


def read_all(paths: str, made: Generator, drawing: jax.Array) -> PyTree:
    """The latents of several files, with commas between them, in order; see ``read_latents``.

    Raises:
      UserError: as that does, or if they do not hold the same arrays.
    """
    found = [read_latents(path, made, drawing) for path in paths.split(",")]
    if len({str(jax.tree.structure(each)) for each in found}) > 1:
        raise errors.UserError(f"{paths} do not hold the same arrays: all z, or all w")
    try:
        return jax.tree.map(lambda *rows: np.concatenate(rows), *found)
    except ValueError as error:
        raise errors.UserError(f"{paths} hold latents of two shapes") from error


def read_latents(path: files.Place, made: Generator, drawing: jax.Array) -> PyTree:
    """Latents of a file: an ``.npy`` with z [P, Z], or an ``.npz`` with ``z`` or ``latents``.

    One with ``w`` [P, D] and none of these is of styles. What else a sample is made of is drawn.

    Raises:
      UserError: if it cannot be read, or holds none.
    """
    try:
        # NumPy takes what it does not know for a pickle, and says how to trust it.
        with open(Path(path), "rb") as file:
            if not file.read(6).startswith((b"\x93NUMPY", b"PK")):
                raise errors.UserError(f"{path} cannot be read: it is no .npy and no .npz")
        stored = np.load(Path(path), allow_pickle=False)
        found = {"z": stored} if isinstance(stored, np.ndarray) else dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise errors.UserError(f"{path} cannot be read: {errors.describe(error)}") from error
    # As projections of several arrays are stored.
    found = {key.removeprefix("latents/"): value for key, value in found.items()}
    name = next((name for name in ("z", "latents", "w") if name in found), None)
    if name is None:
        held = ", ".join(found) or "nothing"
        raise errors.UserError(f"{path} must hold z, latents or w; it holds {held}")
    values = found[name]
    if not np.issubdtype(values.dtype, np.floating) or values.ndim < 2 or not len(values):
        kind = f"{values.dtype} {list(values.shape)}"
        raise errors.UserError(f"{name} of {path} must be floats [n, ...], n > 0, not {kind}")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise errors.UserError(f"{name} of {path} must be finite")
    if name == "w":
        return {"w": values}
    drawn = made.draw(drawing, len(values))
    if isinstance(drawn, dict):
        beside = {k: found[k] for k in drawn if k in found and k != "z"}
        return {**drawn, **beside, "z": values}
    return generators.with_z(drawn, values)
