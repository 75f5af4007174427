"""Projection: latents that a generator makes given images of, as nearly as it can.

The searches begin at the nearest of many random samples, at what an encoder says, or at the mean
style, and go on by gradients, see ``searching``.
"""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.base import draws, errors, terminal
from jaxgan.evaluation.metrics.fidelity import psnr
from jaxgan.extractors.extractor import TOLERANCE
from jaxgan.extractors.perceptual import KEPT
from jaxgan.latent import generator as generators
from jaxgan.latent import noise_maps, searching, starting
from jaxgan.latent.generator import Generator
from jaxgan.latent.searching import Search, Settings
from jaxgan.latent.starting import STYLE, Space
from jaxgan.run import requests
from jaxgan.run.trained import Model
from jaxgan.watch.pictures import to_bytes

PyTree = Any
# Of the key of a search: noise on its latent, and its noise maps.
SHAKE, MAPS = range(2)


@dataclasses.dataclass(frozen=True)
class Projection:
    """What was found for n images.

    Attributes:
      space: ``'z'`` or ``'w'``.
      latents: in ``'z'`` what the model's ``generate`` takes; in ``'w'`` styles [n, D].
      maps: the noise maps of styles, a tree of [n, h, w, 1]; empty in ``'z'``.
      labels: int32 [n], given or found; ``None`` where the generator is told none, or of styles.
      images: uint8 [n, H, W, C], made of these latents.
      targets: uint8 [n, H, W, C].
      loss: [n], the terms together.
      terms: [n] each: ``'pixels'``, ``'features'``, ``'prior'``, times their weights.
      psnr: [n] in dB, of images against targets.
      steps: [k] at which pictures were taken, from 0 on.
      way: uint8 [k, n, H, W, C], of the search that won.
      losses: [k, n] of these.
      restart: [n], which search that is.
      nearest: [n], the PSNR of the nearest candidate.
      settings: of the searches.
    """

    space: str
    latents: PyTree
    maps: PyTree
    labels: np.ndarray | None
    images: np.ndarray
    targets: np.ndarray
    loss: np.ndarray
    terms: dict[str, np.ndarray]
    psnr: np.ndarray
    steps: np.ndarray
    way: np.ndarray
    losses: np.ndarray
    restart: np.ndarray
    nearest: np.ndarray
    settings: Settings


def project(
    gan: Any,
    images: Any,
    key: jax.Array,
    *,
    labels: Any = None,
    settings: Settings | None = None,
) -> Projection:
    """Latents of images: all restarts of all images in one program.

    Args:
      gan: a run's model or a published one, see ``jaxgan.load``.
      images: [n, H, W, C] in [-1, 1], of the shape that it makes.
      key: a JAX random key.
      labels: of the images, [n] or one for all, for a generator that is told any. ``None``: each
        label is tried among the candidates, and a search keeps that of the one it begins at.
      settings: of the searches.

    Raises:
      UserError: if it has no latents; the images are of another shape, or beyond [-1, 1]; there
        are no such labels; or features or a space are asked for that there are not.
    """
    settings = settings or Settings()
    g = generators.of(gan)
    g.check_images()
    targets = check_images(images, g.shape)
    given = check_labels(g, labels, len(targets))
    space = Space(g, in_styles(g, settings))
    look, variables = features(gan, g.shape, settings)
    R, chunk = settings.restarts, settings.rows
    with errors.stage("projecting images by", g.name):
        of_draws, of_searches = jax.random.split(key)
        many = settings.candidates
        drawn = starting.draw(space, targets, given, of_draws, many, R, chunk)
        spreads = {name: searching.spread(x) for name, x in drawn.latents.items()}
        search = Search(settings, spreads, space.paint, look, not space.styled, g.cut)
        begun = starting.starts(space, drawn, targets, R, chunk)
        told = {"weights": g.variables, "features": variables}
        found, way = in_chunks(search, begun, told, targets, space.maps(), of_searches)
    best, wanted, last = found.pop("restart"), to_bytes(targets), way[-1]
    tell_of_worse(way[0]["loss"], last["loss"])
    styled, rest = space.styled, found["rest"]
    return Projection(
        space="w" if styled else "z",
        latents=found["latents"][STYLE]
        if styled
        else space.whole({**found["latents"], **rest["latents"]}),
        maps=found["maps"],
        labels=rest.get("labels"),
        images=last["image"],
        targets=wanted,
        loss=last["loss"],
        terms=last["terms"],
        psnr=psnr(last["image"], wanted),
        steps=np.linspace(0, settings.steps, len(way)).round().astype(int),
        way=np.stack([picture["image"] for picture in way]),
        losses=np.stack([picture["loss"] for picture in way]),
        restart=best,
        nearest=drawn.nearest,
        settings=settings,
    )


def in_chunks(
    search: Search,
    begun: tuple[PyTree, PyTree],
    told: dict[str, PyTree],
    targets: np.ndarray,
    maps: PyTree,
    key: jax.Array,
) -> tuple[dict[str, Any], list[PyTree]]:
    """The best search of each image, and the pictures of its way, as many images at once as may be.

    Args:
      search: what is looked for.
      begun: where, [n restarts, ...], what moves and what does not.
      told: what else all searches are given.
      targets: [n, H, W, C].
      maps: the generator's noise maps.
      key: of noise.
    """
    settings, n = search.settings, len(targets)
    R, size = settings.restarts, min(n, max(1, settings.rows // settings.restarts))
    parts = []
    total = -(-n // size) * settings.steps
    with terminal.progress(total=total, desc="projection", leave=False) as bar:
        for first in range(0, n, size):
            # A whole chunk also at the end, of the last image again: one compilation.
            images = np.arange(first, first + size).clip(max=n - 1)
            rows = (images[:, None] * R + np.arange(R)).ravel()
            latents, rest = jax.tree.map(lambda x, rows=rows: x[rows], begun)
            # A search has the same noise, whichever others there are.
            fold = jax.vmap(jax.random.fold_in)
            keys = fold(jnp.broadcast_to(key, rows.shape), rows // R)
            keys = fold(keys, rows % R)
            start = {"latents": latents, "maps": noise_maps.draw(draws.fold(keys, MAPS), maps)}
            given = {
                **told,
                "target": targets[images.repeat(R)],
                "rest": rest,
                "keys": draws.fold(keys, SHAKE),
            }
            end, way = search.run(start, given, bar.update)
            # One that is not finite is not the best.
            losses = np.nan_to_num(way[-1]["loss"], nan=np.inf).reshape(size, R)
            best = losses.argmin(axis=1)
            places = (np.arange(size) * R + best)[: n - first]
            whole = ({**end, "rest": rest}, way)
            found, way = jax.tree.map(lambda x, at=places: np.asarray(x)[at], whole)
            parts.append(({**found, "restart": best[: n - first]}, way))
    return jax.tree.map(lambda *chunks: np.concatenate(chunks), *parts)


def tell_of_worse(before: np.ndarray, after: np.ndarray) -> None:
    """Warns of searches whose losses [n] are larger at the end than where they began, or NaN."""
    if worse := int((~(after <= before)).sum()):
        logging.getLogger("jaxgan").warning(
            "%d of %d images: every search ended further away than it began; a smaller "
            "learning_rate may help",
            worse,
            len(after),
        )


def check_images(images: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The images as float32 [n, H, W, C].

    Raises:
      UserError: if they are of another shape, or their values not in [-1, 1].
    """
    if getattr(images, "dtype", None) == np.uint8:
        raise errors.UserError("images to project must be in [-1, 1]; bytes are x / 127.5 - 1")
    targets = requests.check_array("images", images, shape)
    if np.abs(targets).max() > 1 + TOLERANCE:
        raise errors.UserError("images to project must be in [-1, 1]; bytes are x / 127.5 - 1")
    return targets


def check_labels(g: Generator, given: Any, n: int) -> np.ndarray | None:
    """Labels int32 [n], of n or one for all; ``None`` if none are given.

    Raises:
      UserError: for labels that there are not, or that are not n.
    """
    if given is None:
        return None
    requests.check_rows("labels", given, n)
    return g.labels(given, n)


def in_styles(g: Generator, settings: Settings) -> bool:
    """Whether styles are looked for.

    Raises:
      UserError: for styles of a generator that has none.
    """
    if settings.space == "w" and g.styled is None:
        raise errors.UserError(f"{g.name} has no space of styles: space must be 'z'")
    return settings.space != "z" and g.styled is not None


def features(
    gan: Any, shape: tuple[int, ...], settings: Settings
) -> tuple[Callable[..., PyTree] | None, PyTree]:
    """From images to features, given their variables, and these.

    Raises:
      UserError: for a classifier of data that a published file does not come with, or layers that
        there are not.
    """
    asked = settings.features
    if not asked:
        return None, {}
    with errors.stage("loading features of", f"the extractor {asked.extractor!r}"):
        if isinstance(gan, Model):
            source = data.Splits(gan.config.data).source()
        elif asked.extractor == "domain":
            raise errors.UserError(
                "the features 'domain' are of a run's data, which published weights come without"
            )
        else:
            none = np.zeros((1, *shape), np.uint8)
            source = data.in_memory("none", "train", none, None, 0)
        variables = asked.prepare(source)[KEPT]
    return lambda kept, x: asked.look({KEPT: kept})(x), variables
