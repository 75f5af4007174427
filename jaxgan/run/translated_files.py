"""Images in files, translated: read, made anew, written under the same names."""

import argparse
import dataclasses
import logging
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import errors, files, terminal
from jaxgan.data import folder, images, listing
from jaxgan.run import judge, trained, translating
from jaxgan.run.trained import Model
from jaxgan.run.translating import Translating
from jaxgan.watch import pictures

CHUNK = 16


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be translated, and where to.

    Attributes:
      files: to read, each with the one to write.
      bad_images: what follows where one cannot be read: ``'error'``, or ``'skip'``, and it is told.
    """

    files: dict[Path, Path]
    bad_images: str = "error"


def answer(flags: argparse.Namespace, settings: ConfigDict | None) -> str:
    """Makes images of the images in files, by a run or a published file, and says how many.

    Raises:
      UserError: as ``request`` and ``write`` do, for a flag that is missing, or a file of another
        kind of model.
    """
    given = getattr(flags, "in")
    for flag, value, what in (
        ("workdir=DIR or --weights=FILE", flags.workdir or flags.weights, "what translates"),
        ("in=FOLDER", given, "the images to translate, a file or a folder"),
        ("out=FOLDER", flags.out, "where to write"),
    ):
        if not value:
            raise errors.UserError(f"--{flag} is missing: {what}")
    asked = request(given, flags.out, flags.bad_images or "error")
    if flags.weights is None:
        workdir = Path(flags.workdir)
        step = judge.one_step(workdir, flags.step)
        return write(trained.load(workdir, step, settings), asked)
    model = translating.load(files.expanded(flags.weights))
    if not isinstance(model, Translating):
        raise errors.UserError(f"{flags.weights} makes no images of images")
    return f"{write(model, asked)}\n{model.file.licence}"


def request(
    given: files.Place, out: files.Place, bad_images: str = "error", *, flag: str = "in"
) -> Request:
    """The images in a file or in a folder and all below it, and the PNG to make of each.

    A PNG has the name of the image, and lies in ``out`` as the image in its folder. ``flag`` is
    what the user has named them by.

    Raises:
      UserError: if there are none; if two would be one file; if something of the name is there
        already; or if nothing can be written there. Nothing is read yet.
    """
    given, out = Path(given), Path(out)
    if given.is_file():
        found = {given: Path(given.name)}
    elif given.is_dir():
        paths = [Path(file.path) for file in listing.once(listing.find(given, ())).files]
        found = {given / path: path for path in paths}
    else:
        raise errors.UserError(f"--{flag}: there is no file or folder {given}")
    if not found:
        raise folder.no_images(given)
    made: dict[Path, Path] = {}
    for path, name in found.items():
        made.setdefault(target := out / name.with_suffix(".png"), path)
        if made[target] != path:
            raise errors.UserError(f"{made[target]} and {path} would both become {target}")
        if target.exists():
            raise errors.UserError(f"{target} is there already; nothing was written")
    if reason := files.cannot_hold(out):
        raise errors.UserError(f"--out={out}: {reason}")
    return Request({path: target for target, path in made.items()}, bad_images)


def write(model: Model | Translating, asked: Request) -> str:
    """Translates the images, those of one size together; says what was done in a line.

    Raises:
      UserError: if the model makes no images of images, takes images of other channels, or none of
        a size; or for an image that cannot be read, unless these are left out.
    """
    channels, bad = model.channels, list[str]()
    sizes: dict[tuple[int, int, int], list[Path]] = {}
    for path in asked.files:
        try:
            shape = images.header(path)
        except errors.UserError as error:
            bad.append(told(error, asked))
            continue
        if shape[-1] != channels:
            kinds = {1: "grey ones", 3: "ones in colour"}
            due = kinds.get(channels, f"ones of {channels} channels")
            has = "grey" if shape[-1] == 1 else "in colour"
            raise errors.UserError(f"{path} is {has}; of images the model takes {due}")
        sizes.setdefault(shape, []).append(path)
    count = sum(len(paths) for paths in sizes.values())
    with terminal.progress(total=count, desc="images", leave=False) as bar:
        for paths in sizes.values():
            for start in range(0, len(paths), CHUNK):
                part = read(paths[start : start + CHUNK], asked, bad)
                if part:
                    batch = data.to_float({"image": np.stack(list(part.values()))})
                    made = pictures.to_bytes(model.translate(batch["image"]))
                    for path, image in zip(part, made, strict=True):
                        pictures.save(pictures.image(image), asked.files[path])
                bar.update(len(paths[start : start + CHUNK]))
    left = f", {len(bad)} left out" if bad else ""
    return f"{len(asked.files) - len(bad)} images{left}"


def read(paths: list[Path], asked: Request, bad: list[str]) -> dict[Path, np.ndarray]:
    """The pixels of images; those that cannot be read are added to ``bad``, or end it all."""
    found = {}
    for path in paths:
        try:
            found[path] = images.decode(path)
        except errors.UserError as error:
            bad.append(told(error, asked))
    return found


def told(error: errors.UserError, asked: Request) -> str:
    """The error as a warning, where images that cannot be read are left out.

    Raises:
      UserError: where they are not.
    """
    if asked.bad_images != "skip":
        raise errors.UserError(f"{error}; --bad_images=skip leaves it out") from error
    logging.getLogger("jaxgan").warning("%s: left out", error)
    return str(error)
