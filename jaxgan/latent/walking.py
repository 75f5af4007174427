"""``--mode=interpolate``: the way through several latents, as strips, a film or numbers."""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.base import errors, files
from jaxgan.latent import generator as generators
from jaxgan.latent import interpolation, opening
from jaxgan.run import requests
from jaxgan.watch import film, pictures
from jaxgan.watch.sheet import sheet

PyTree = Any
SUFFIXES = (".png", ".npz", *film.SUFFIXES)
POINTS, FRAMES, FILMED = 4, 8, 24


def answer(flags: argparse.Namespace, settings: ConfigDict | None) -> str:
    """Does what the command line asks of ``--mode=interpolate``, and says what to print.

    Raises:
      UserError: as ``interpolate`` does, or for a file that cannot be read or written.
    """
    if flags.out:
        opening.check(Path(flags.out), SUFFIXES)
        if Path(flags.out).suffix in film.SUFFIXES:
            film.check(flags.out)
    key = opening.key(flags)
    gan = opening.model(flags, settings)
    made = generators.of(gan)
    out = opening.place(flags, gan, "interpolation", SUFFIXES)
    if out.suffix != ".npz" and len(made.shape) != 3:
        raise errors.UserError(
            f"{made.name} makes points {list(made.shape)}, and no images: --out=FILE.npz has them"
        )
    points = chosen(flags, made, key)
    usual = FILMED if out.suffix in film.SUFFIXES else FRAMES
    frames = usual if flags.n is None else flags.n
    count, labels = len(jax.tree.leaves(points)[0]), flags.labels
    if labels is None and flags.latents and made.num_classes:
        labels = opening.read_labels(flags.latents)
    if labels and len(labels) > count:
        raise errors.UserError(f"--labels names {len(labels)}, and the way has {count} points")
    told = made.labels(labels, count)
    if flags.hold and (told is None or len(set(told.tolist())) == 1):
        raise errors.UserError("--hold keeps the latent, and there is no class to move: a still")
    requests.check_count(count * max(frames, 1), made.shape)
    if out.suffix == ".png":
        H, W, _ = made.shape
        pictures.check_size(frames * (W + 1), (count - (not flags.loop)) * (H + 1))
    styled = isinstance(points, dict) and set(points) == {"w"}
    space = "w" if styled else flags.space or "z"
    samples, latents = interpolation.interpolate(
        made,
        points,
        frames,
        labels=labels,
        way=flags.way,
        space=space,
        loop=flags.loop,
        truncation=1.0 if flags.truncation is None else flags.truncation,
    )
    mixed = None
    if told is not None and space == "z":
        mixed = interpolation.mixtures(told, made.num_classes, frames, loop=flags.loop)
        mixed = mixed.reshape(*samples.shape[:2], *mixed.shape[1:])
    write(samples, latents, out, loop=flags.loop, labels=mixed)
    return f"{out}\n{gan.file.licence}" if flags.weights else str(out)


def chosen(flags: argparse.Namespace, made: generators.Generator, key: jax.Array) -> PyTree:
    """The points of the way: those of ``--latents``, or drawn.

    Raises:
      UserError: if they cannot be read, or are less than two.
    """
    if flags.latents:
        if flags.points is not None:
            raise errors.UserError("--points are drawn, and --latents are given: one of the two")
        points = opening.read_all(flags.latents, made, key)
    else:
        named = len(flags.labels) if flags.labels and len(flags.labels) > 1 else POINTS
        count = named if flags.points is None else flags.points
        if count < 2:
            raise errors.UserError(f"--points must be at least 2, not {count}")
        points = made.draw(key, count)
    if flags.hold:
        count = len(jax.tree.leaves(points)[0])
        points = generators.rows(points, np.zeros(count, int))
    return points


def write(
    samples: np.ndarray,
    latents: PyTree,
    out: files.Place,
    *,
    loop: bool,
    labels: np.ndarray | None = None,
) -> None:
    """Writes samples [legs, frames, ...]: a PNG with a row a leg, a film, or an ``.npz``.

    The ``.npz`` has ``images`` uint8 (points: ``float32``), and what they were made of: latents,
    and ``labels`` [legs, frames], or mixtures of classes [legs, frames, K].
    """
    out = Path(out)
    if out.suffix == ".png":
        pictures.save(sheet(samples), out)
    elif out.suffix in film.SUFFIXES:
        film.write(interpolation.in_order(samples, loop=loop), out)
    else:
        images = pictures.to_bytes(samples) if samples.ndim == 5 else samples
        held = latents if isinstance(latents, dict) else {"latents": latents}
        with files.replacing(out) as new, new.open("wb") as file:
            told = {} if labels is None else {"labels": labels}
            arrays: dict[str, Any] = {"images": images, **held, **told}
            np.savez(file, **arrays)
