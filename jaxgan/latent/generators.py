"""A trained model's generator as pure functions, whoever trained it: what is differentiated."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import errors
from jaxgan.base.method import TRANSLATED, Styled
from jaxgan.run import requests
from jaxgan.run.pretrained import Pretrained
from jaxgan.run.trained import Model
from jaxgan.weights import players

PyTree = Any


@dataclasses.dataclass(frozen=True)
class Generator:
    """What makes images of latents.

    Attributes:
      name: to call it by.
      shape: of an image, [H, W, C].
      weights: the first argument of all its functions.
      latents: ``(key, n) -> latents``, a tree of arrays [n, ...].
      example: the latents of one sample, for their names and shapes.
      generate: ``(weights, latents, labels) -> images`` [n, H, W, C]; labels int32 [n], or ``None``
        where there are no classes.
      num_classes: of the labels that it is told; 0 where it is told none.
      classes: their names, if they have any.
      encode: ``(weights, images) -> latents``, where there is an encoder.
      styled: its two parts, where it has a space of styles.
      cut: has rows computed in parts, one on each of its devices.
    """

    name: str
    shape: tuple[int, ...]
    weights: PyTree
    latents: Callable[[jax.Array, int], PyTree]
    example: PyTree
    generate: Callable[..., jax.Array]
    num_classes: int = 0
    classes: tuple[str, ...] = ()
    encode: Callable[..., PyTree] | None = None
    styled: Styled | None = None
    cut: Callable[[jax.Array], jax.Array] = lambda rows: rows

    def labels(self, given: Any, n: int) -> np.ndarray | None:
        """Labels int32 [n], of n or one for all; ``None`` if none are given.

        Raises:
          UserError: for labels that there are not, or that are not n.
        """
        if given is None:
            return None
        if not self.num_classes:
            raise errors.UserError(f"{self.name} takes no labels")
        requests.check_rows("labels", given, n)
        found = requests.numbers("labels", given, self.num_classes, self.classes)
        return np.broadcast_to(found, (n,)).astype(np.int32)


def of(gan: Any) -> Generator:
    """The generator of a model.

    Raises:
      UserError: if it makes no images, or makes them of images and not of latents.
    """
    if isinstance(gan, Model):
        return _of_run(gan)
    if isinstance(gan, Pretrained):
        return _of_file(gan)
    path = getattr(getattr(gan, "file", None), "path", type(gan).__name__)
    raise errors.UserError(f"{path} makes images of images: it has no latents to look for")


def _of_run(gan: Model) -> Generator:
    method, spec, name = gan.method, gan.program.spec, f"method {gan.config.method.name!r}"
    if TRANSLATED in method.conditions:
        raise errors.UserError(f"{name} makes images of images: it has no latents to look for")
    if len(spec.shape) != 3:
        raise errors.UserError(f"{name} was trained on points: it makes no images")
    averaged, labelled = gan.config.evaluation.averaged, "labels" in method.conditions

    def generate(state: Any, latents: PyTree, labels: Any) -> jax.Array:
        told = {"labels": labels} if labelled else {}
        return method.generate(state, latents, averaged=averaged, **told)

    styled = method.styled and _with(method.styled, averaged=averaged)
    return Generator(
        name,
        tuple(spec.shape),
        gan.state,
        gan.latents,
        gan.latents(jax.random.key(0), 1),
        generate,
        num_classes=spec.num_classes if labelled else 0,
        classes=spec.classes,
        encode=method.encode and partial(method.encode, averaged=averaged),
        styled=styled,
        cut=gan.program.devices.cut,
    )


def _of_file(gan: Pretrained) -> Generator:
    made = players.generator(gan.networks)

    def generate(g: Any, latents: PyTree, labels: Any) -> jax.Array:
        return made(g, latents, labels, jnp.float32(1.0), None, "const")

    return Generator(
        str(gan.file.path),
        gan.networks.shape,
        gan.networks.g,
        gan.latents,
        gan.latents(jax.random.key(0), 1),
        generate,
        num_classes=gan.networks.num_classes,
        styled=players.styled(gan.networks),
    )


def _with(styled: Styled, **given: Any) -> Styled:
    """The same parts, told which weights to take."""
    return Styled(
        styled.layers,
        partial(styled.map, **given),
        partial(styled.noise, **given),
        partial(styled.synthesize, **given),
    )
