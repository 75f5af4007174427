"""``--mode=explore --what=NAME``: one picture, or one figure, of what a latent space holds."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from jaxgan import data
from jaxgan.base import errors, files
from jaxgan.data.labels import read_labels
from jaxgan.extractors import domain, maps
from jaxgan.extractors.extractor import extract
from jaxgan.latent import directions, lengths, mixing, neighbours, opening, spectra, sweeps
from jaxgan.latent import generator as generators
from jaxgan.latent.generator import Generator
from jaxgan.watch import pictures
from jaxgan.watch.sheet import sheet

SUFFIXES = (".png", ".npz")
BY = ("pixels", "features")
# Of the domain classifier's layers, those that every image is large enough for.
LAYERS = ("conv_0", "conv_1")
# Flags that only some tools heed.
ONLY = {
    "values": ("truncation", "guidance", "codes"),
    "by": ("neighbours", "path_length"),
    "space": ("path_length",),
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a tool is asked for.

    Attributes:
      gan: the model.
      made: its generator.
      key: of what is drawn.
      n: how many, or ``None``.
      labels: of classes, or ``None``.
      by: ``'pixels'`` or ``'features'``.
      space: ``'z'`` or ``'w'``.
      values: of a sweep, or ``None``.
      config: whose data are the real images, or ``None``.
    """

    gan: Any
    made: Generator
    key: jax.Array
    n: int | None
    labels: Any
    by: str
    space: str
    values: tuple[float, ...] | None
    config: ConfigDict | None

    def splits(self) -> data.Splits:
        """The splits of the real images.

        Raises:
          UserError: if there are none, or they are of another shape.
        """
        if self.config is None:
            raise errors.UserError("--config=experiments/NAME.py is missing: the real images")
        splits = data.Splits(self.config.data)
        shape, name = splits.spec().shape, self.config.data.name
        if tuple(shape) != self.made.shape:
            raise errors.UserError(
                f"{self.made.name} makes images {list(self.made.shape)}, and {name} has "
                f"{list(shape)}"
            )
        return splits


@dataclasses.dataclass(frozen=True)
class Found:
    """What a tool gives: a picture, if it has one, its numbers, and a line to print."""

    picture: Image.Image | None
    arrays: dict[str, Any]
    line: str = ""


def answer(flags: argparse.Namespace, settings: ConfigDict | None) -> str:
    """Does what the command line asks of ``--mode=explore``, and says what to print.

    Raises:
      UserError: as the tools do, or for a place that cannot be written to.
    """
    if flags.what is None:
        raise errors.UserError(f"--what=NAME is missing: {', '.join(TOOLS)}")
    if flags.what not in TOOLS:
        raise errors.unknown("tool of --what", flags.what, TOOLS)
    suffixes = SUFFIXES if flags.what != "path_length" else SUFFIXES[1:]
    if flags.out:
        opening.check(Path(flags.out), suffixes)
    for flag, tools in ONLY.items():
        if getattr(flags, flag) is not None and flags.what not in tools:
            allowed = " or ".join(f"--what={tool}" for tool in tools)
            raise errors.UserError(f"--{flag} is for {allowed}, not --what={flags.what}")
    if flags.n is not None and flags.n < 1:
        raise errors.UserError(f"--n must be at least 1, not {flags.n}")
    key = opening.key(flags)
    gan = opening.model(flags, settings)
    made = generators.of(gan)
    made.check_images()
    out = opening.place(flags, gan, flags.what, suffixes)
    if out.suffix == ".png" and flags.n is not None:
        H, W, _ = made.shape
        shown = flags.n * each(flags.what, flags.n, len(flags.labels or made.classes))
        pictures.check_size(shown * (W + 1), H + 1)
    config = settings if flags.weights else gan.config
    asked = Asked(
        gan,
        made,
        key,
        flags.n,
        flags.labels,
        flags.by or "pixels",
        flags.space or "z",
        flags.values,
        config,
    )
    found = TOOLS[flags.what](asked)
    if out.suffix == ".png" and found.picture is not None:
        pictures.save(found.picture, out)
    else:
        with files.replacing(out) as new, new.open("wb") as file:
            np.savez(file, **found.arrays)
    licence = gan.file.licence if flags.weights else ""
    return "\n".join(filter(None, (found.line, str(out), licence)))


def each(what: str, n: int, classes: int) -> int:
    """How many images a tool shows at least for each of n latents."""
    steps = len(directions.STEPS)
    counts = {"directions": steps, "closed_form": steps, "mixing": n, "classes": classes}
    return {**counts, "neighbours": 2, "truncation": 2, "guidance": 2, "spectra": 0}.get(what, 1)


def truncation(asked: Asked) -> Found:
    """A row for each truncation, of the same latents."""
    latents = asked.made.draw(asked.key, asked.n or 8)
    samples, kind, values = sweeps.truncation_sweep(
        asked.made, latents, asked.values, labels=asked.labels
    )
    picture = sheet(samples, [f"{kind} {value:g}" for value in values])
    return Found(picture, {"images": pictures.to_bytes(samples), kind: np.array(values)})


def guidance(asked: Asked) -> Found:
    """A row for each guidance, of the same latents."""
    latents = asked.made.draw(asked.key, asked.n or 8)
    samples, values = sweeps.guidance_sweep(asked.made, latents, asked.values, labels=asked.labels)
    picture = sheet(samples, [f"guidance {value:g}" for value in values])
    return Found(picture, {"images": pictures.to_bytes(samples), "guidance": np.array(values)})


def mixed(asked: Asked) -> Found:
    """A matrix: rows of coarse styles, columns of fine ones."""
    samples = mixing.drawn(asked.made, asked.key, asked.n or 5)
    return Found(sheet(samples), {"images": pictures.to_bytes(samples)})


def classes(asked: Asked) -> Found:
    """A row for each class, with its name."""
    latents = asked.made.draw(asked.key, asked.n or 8)
    samples, names = sweeps.class_grid(asked.made, latents, asked.labels)
    return Found(
        sheet(samples, names),
        {"images": pictures.to_bytes(samples), "classes": np.array(names)},
    )


def codes(asked: Asked) -> Found:
    """Rows for each code of infoGAN: the code changes from left to right."""
    latents = asked.made.draw(asked.key, asked.n or 3)
    values = {} if asked.values is None else {"values": asked.values}
    found = sweeps.code_sweep(asked.gan, latents, **values)
    wide = max(each.shape[1] for each in found.values())
    names, rows = [], []
    for name, each in found.items():
        missing = ((0, 0), (0, wide - each.shape[1]), (0, 0), (0, 0), (0, 0))
        rows.append(np.pad(each, missing, constant_values=1.0))
        names += [name] + [""] * (len(each) - 1)
    arrays = {name.replace(" ", "_"): pictures.to_bytes(each) for name, each in found.items()}
    return Found(sheet(np.concatenate(rows), names), arrays)


def nearest(asked: Asked) -> Found:
    """A row for each sample: itself, and the training images that are nearest to it."""
    n, source = asked.n or 8, asked.splits().source()
    samples = asked.made.images(asked.made.draw(asked.key, n), asked.made.labels(asked.labels, n))
    look = features(asked) if asked.by == "features" else None
    found = neighbours.nearest_training(samples, source, min(5, source.size), look)
    rows = np.concatenate([samples[:, None], found.images], axis=1)
    picture = sheet(rows, columns=["sample", *[f"no. {i + 1}" for i in range(found.rows.shape[1])]])
    arrays = {"images": pictures.to_bytes(rows), "rows": found.rows, "distances": found.distances}
    if source.num_classes:
        arrays["labels"] = read_labels(source, found.rows.reshape(-1)).reshape(found.rows.shape)
    middle = float(np.median(found.distances[:, 0]))
    return Found(picture, arrays, f"median distance to the nearest, by {asked.by}: {middle:.4g}")


def features(asked: Asked) -> neighbours.Look:
    """Features of the classifier of the real images, trained once."""
    assert asked.config is not None
    extractor = domain.load(asked.config.data, splits=asked.splits().complete).extractor
    return lambda images: extract(extractor, images).features


def along(asked: Asked, found: directions.Directions, of: str) -> Found:
    """Strips along directions: for each of them a row for each of n samples."""
    n = asked.n or 1
    latents = asked.made.draw(jax.random.fold_in(asked.key, 1), n)
    samples = directions.strips(asked.made, found, latents, labels=asked.labels)
    rows = samples.reshape(-1, *samples.shape[2:])
    names = [
        f"{found.space} {i + 1}" if j == 0 else "" for i in range(len(samples)) for j in range(n)
    ]
    picture = sheet(rows, names, [f"{step:g}" for step in directions.STEPS])
    arrays = {"images": pictures.to_bytes(samples), "directions": found.vectors}
    arrays["strengths"] = found.strengths
    told = " ".join(f"{value:.3g}" for value in found.strengths)
    return Found(picture, arrays, f"{of} of {found.space}: {told}")


def principal(asked: Asked) -> Found:
    """Strips along the principal directions (GANSpace)."""
    size = generators.z_of(asked.made.draw(asked.key, 1)).shape[1]
    found = directions.principal(asked.made, asked.key, k=min(8, size), labels=asked.labels)
    return along(asked, found, "share of the variance in the principal directions")


def closed_form(asked: Asked) -> Found:
    """Strips along the directions that the weights amplify most (SeFa)."""
    size = generators.z_of(asked.made.draw(asked.key, 1)).shape[1]
    found = directions.closed_form(asked.made, k=min(8, size))
    return along(asked, found, "eigenvalues of the weights")


def path_length(asked: Asked) -> Found:
    """The perceptual path length: a figure, and the lengths it is the mean of."""
    look = None
    if asked.by == "features":
        variables = maps.load("domain", LAYERS, asked.splits().complete.source())
        look = lambda images: maps.apply("domain", LAYERS, variables, images)  # noqa: E731
    found = lengths.path_length(
        asked.made,
        asked.key,
        asked.n or 1000,
        space=asked.space,
        look=look,
        labels=asked.labels,
    )
    by = "the domain classifier's features (LPIPS)" if look else found.distance
    line = f"path length in {found.space} by {by}, {len(found.each)} ways: {found.mean:.5g}"
    return Found(None, {"each": found.each, "mean": np.array(found.mean)}, line)


def power(asked: Asked) -> Found:
    """The power spectra of as many real images as generated ones."""
    source = asked.splits().source()
    n = min(asked.n or 1000, source.size)
    samples = asked.made.images(asked.made.draw(asked.key, n), asked.made.labels(asked.labels, n))
    rows = np.linspace(0, source.size, n, endpoint=False).astype(np.int64)
    real = np.asarray(data.to_float(source.read(rows))["image"])
    found = spectra.real_and_generated(real, samples)
    arrays = {name: getattr(found, name) for name in ("frequency", "real", "generated")}
    line = f"mean distance of the powers' logarithms, {n} images each: {found.gap:.4g}"
    return Found(spectra.picture(found), arrays, line)


TOOLS: dict[str, Callable[[Asked], Found]] = {
    "truncation": truncation,
    "guidance": guidance,
    "mixing": mixed,
    "classes": classes,
    "codes": codes,
    "neighbours": nearest,
    "directions": principal,
    "closed_form": closed_form,
    "path_length": path_length,
    "spectra": power,
}
