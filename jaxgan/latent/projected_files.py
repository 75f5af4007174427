"""``--mode=project``: images in files to latents in files, and a strip of the way of each."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.base import errors, files
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.latent import generator as generators
from jaxgan.latent import opening, targets, ways
from jaxgan.latent.generator import Generator
from jaxgan.latent.projection import Projection, features, in_styles, project
from jaxgan.latent.searching import Settings
from jaxgan.latent.starting import STYLE
from jaxgan.run import translated_files
from jaxgan.run.translated_files import Request
from jaxgan.watch import pictures

FEATURES = "features."


def answer(flags: argparse.Namespace, config: ConfigDict | None) -> str:
    """Projects the images in files, by a run or a published file, and says how near each came.

    Raises:
      UserError: as ``request``, ``settings``, ``targets.read`` and ``project`` do, or for a flag
        that is missing. Nothing is written before all are found.
    """
    for flag, value, what in (
        ("workdir=DIR or --weights=FILE", flags.workdir or flags.weights, "what generates"),
        ("target=FILE_OR_FOLDER", flags.target, "the images to find latents of"),
    ):
        if not value:
            raise errors.UserError(f"--{flag} is missing: {what}")
    asked, key = settings(flags.projection or ""), opening.key(flags)
    # Of a run beside its samples, see `check_weights` for the other.
    out = Path(flags.out or Path(flags.workdir) / "projections")
    wanted = request(flags.target, out)
    targets.check(list(wanted.files))
    # All devices, as far as they divide the searches.
    gan = opening.model(flags, config, devices=0)
    licence = f"\n{gan.file.licence}" if flags.weights else ""
    made = generators.of(gan)
    labels = check(gan, made, asked, flags.labels, len(wanted.files))
    images = targets.read(list(wanted.files), made.shape)
    found = project(gan, images, key, labels=labels, settings=asked)
    write(found, list(wanted.files.values()))
    lines = [
        f"{path}: {found.psnr[i]:.1f} dB, loss {found.loss[i]:.4g}"
        f" (the nearest of {asked.candidates} samples: {found.nearest[i]:.1f} dB)"
        for i, path in enumerate(wanted.files.values())
    ]
    return "\n".join(lines) + licence


def check(
    gan: Any, made: Generator, asked: Settings, labels: list[int] | list[str] | None, n: int
) -> np.ndarray | None:
    """Refuses what no image is needed to refuse; the labels [n], those that are given in turn.

    Raises:
      UserError: as ``project`` does, or for more labels than images.
    """
    made.check_images()
    in_styles(made, asked)
    told = len(labels or ())
    if told > n:
        images = "1 image" if n == 1 else f"{n} images"
        raise errors.UserError(f"--labels names {told}, and there is {images} to project")
    chosen = None if labels is None else made.labels(labels, n)
    features(gan, made.shape, asked)
    return chosen


def request(given: files.Place, out: files.Place) -> Request:
    """The images in a file or in a folder and all below it, each with the PNG to write.

    Raises:
      UserError: as ``translated_files.request`` does, also for an ``.npz`` that is there already.
    """
    found = translated_files.request(given, out, flag="target")
    for path in found.files.values():
        if (beside := path.with_suffix(".npz")).exists():
            raise errors.UserError(f"{beside} is there already; nothing was written")
    return found


def settings(text: str) -> Settings:
    """The value of ``--projection``: ``FIELD=VALUE,...``, layers of features joined by ``+``.

    Raises:
      UserError: for a field that there is not, or a value that it cannot have.
    """
    own, features = dataclasses.asdict(Settings()), dataclasses.asdict(Perceptual())
    known = {**own, **{FEATURES + name: value for name, value in features.items()}}
    del known["features"]
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise errors.unknown("field of --projection", name, known)
        kind = type(known[name])
        try:
            found[name] = tuple(value.split("+")) if kind is tuple else kind(value)
        except ValueError:
            due = {int: "a whole number", float: "a number"}.get(kind, "text")
            told = f"--projection: {name} must be {due}, not {value!r}"
            raise errors.UserError(told) from None
    compared = {n.removeprefix(FEATURES): v for n, v in found.items() if n.startswith(FEATURES)}
    others = {name: value for name, value in found.items() if not name.startswith(FEATURES)}
    try:
        return Settings(**others, features=Perceptual(**compared))
    except ValueError as error:
        raise errors.UserError(f"--projection: {error}") from error


def write(found: Projection, paths: list[Path]) -> None:
    """A strip of each image, and an ``.npz`` beside it, see ``arrays``.

    Raises:
      WriteError: if one cannot be written.
    """
    for i, path in enumerate(paths):
        pictures.save(ways.strip(found, i), path)
        with files.replacing(path.with_suffix(".npz")) as new, new.open("wb") as file:
            np.savez(file, **arrays(found, i))


def arrays(found: Projection, place: int) -> dict[str, Any]:
    """What is kept of one image, each with a first axis of 1 where there is one for each.

    ``latents`` (a tree: ``latents/NAME``) or ``w`` with ``noise/NAME``, ``labels``, ``images`` and
    ``targets`` uint8, ``loss``, ``loss/TERM``, ``psnr``, ``restart``, ``steps`` and ``losses`` of
    the way, and ``settings`` as JSON.
    """
    row = slice(place, place + 1)
    kept: dict[str, Any] = {
        "images": found.images[row],
        "targets": found.targets[row],
        "loss": found.loss[row],
        **{f"loss/{name}": value[row] for name, value in found.terms.items()},
        "psnr": found.psnr[row],
        "restart": found.restart[row],
        "steps": found.steps,
        "losses": found.losses[:, row],
        "settings": np.array(json.dumps(dataclasses.asdict(found.settings))),
    }
    if found.labels is not None:
        kept["labels"] = found.labels[row]
    name = "latents" if found.space == "z" else STYLE
    for tree, prefix in ((found.latents, name), (found.maps, "noise")):
        for path, value in jax.tree_util.tree_leaves_with_path(tree):
            kept["/".join([prefix, *(str(key.key) for key in path)])] = value[row]
    return kept
