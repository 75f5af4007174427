"""W, the space of styles: what a generator such as StyleGAN2's maps latents to, and paints from.

A generator has one if its module has the methods ``map`` and ``synthesize``, as
``networks.stylegan2`` has them; its calls to these are listened to, and answered for, so that runs,
published files and networks of one's own are alike.
"""

from typing import Any

import jax
import numpy as np

from jaxgan.base import errors
from jaxgan.latent.generator import CHUNK, Generator, rows
from jaxgan.run import requests
from jaxgan.run.sampling import in_chunks

PyTree = Any


def has(generator: Generator) -> bool:
    """Whether it has styles."""
    return {"w", "styles"} <= set(generator.said)


def check(generator: Generator) -> None:
    """Refuses a generator without styles.

    Raises:
      UserError: naming it.
    """
    if not has(generator):
        raise errors.UserError(f"{generator.name} has no styles w: its generator maps no latents")


def mapped(generator: Generator, latents: PyTree, labels: np.ndarray | None) -> np.ndarray:
    """The w float32 [n, D] of latents.

    Raises:
      UserError: if it has no styles.
    """
    check(generator)

    def make(chosen: np.ndarray) -> jax.Array:
        some, told = rows(latents, chosen), None if labels is None else labels[chosen]
        return generator.listen(generator.variables, some, told)["w"]

    return np.asarray(in_chunks(make, generator.check(latents), CHUNK))


def mean(generator: Generator, labels: np.ndarray | None = None) -> np.ndarray:
    """The mean of w over training, which truncation moves to: [D], or of each sample [n, D].

    Where each class has a mean, it is that of the ``labels`` [n], or of mixtures [n, K]; without
    any the mean over classes.

    Raises:
      UserError: if it has no styles, or keeps no mean of them.
    """
    check(generator)
    if "mean" not in generator.said:
        raise errors.UserError(f"{generator.name} keeps no mean of its styles")
    one, told = generator.example, generator.labels(None, 1)
    found = np.asarray(generator.listen(generator.variables, one, told)["mean"])
    if found.ndim == 1:
        return found
    if labels is None:
        return found.mean(axis=0)
    return labels @ found if labels.ndim == 2 else found[labels]


def layers(generator: Generator) -> int:
    """How many of w an image takes: L.

    Raises:
      UserError: if it has no styles.
    """
    check(generator)
    return generator.said["styles"].shape[1]


def checked(generator: Generator, w: Any) -> np.ndarray:
    """``w`` as float32 [n, D].

    Raises:
      UserError: if the generator has no styles, or they are of another length.
    """
    check(generator)
    return requests.check_array("w", w, (generator.said["w"].shape[-1],))


def repeated(generator: Generator, w: np.ndarray) -> np.ndarray:
    """One w a layer [n, L, D] of w [n, D]: the same for all."""
    return np.repeat(np.asarray(w)[:, None], layers(generator), axis=1)


def painted(
    generator: Generator, styles: np.ndarray, latents: PyTree, labels: np.ndarray | None = None
) -> np.ndarray:
    """Images [n, H, W, C] of one w [n, L, D] a layer.

    Args:
      generator: with styles.
      styles: see ``repeated``.
      latents: of as many samples, for what they hold beside z: their noise.
      labels: of these; the styles have been told theirs.
    """
    if labels is None:
        labels = generator.labels(None, len(styles))

    def make(chosen: np.ndarray) -> jax.Array:
        some = rows(latents, chosen)
        told = None if labels is None else labels[chosen]
        return generator.paint(generator.variables, some, told, styles[chosen])

    return np.asarray(in_chunks(make, len(styles), CHUNK))
