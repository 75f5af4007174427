"""W, the space of styles: what a generator such as StyleGAN2's maps latents to, and paints from.

A generator has one if its module has the methods ``map`` and ``synthesize``, as
``networks.stylegan2`` has them; its calls to these are listened to, and answered for, so that runs,
published files and networks of one's own are alike.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxgan.base import errors
from jaxgan.latent.generator import CHUNK, Generator, rows
from jaxgan.run import requests
from jaxgan.run.sampling import in_chunks

PyTree = Any


def has(generator: Generator) -> bool:
    """Whether it has styles."""
    one = generator.draw(jax.random.key(0), 1)
    labels = generator.labels(None, 1)
    found = jax.eval_shape(_listening(generator), generator.variables, one, labels)
    return "w" in found and "styles" in found


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
    listen = jax.jit(lambda *given: _listening(generator)(*given)["w"])

    def make(chosen: np.ndarray) -> jax.Array:
        some = rows(latents, chosen)
        return listen(generator.variables, some, None if labels is None else labels[chosen])

    return np.asarray(in_chunks(make, generator.check(latents), CHUNK))


def mean(generator: Generator) -> np.ndarray:
    """The mean of w [D] over training, which truncation moves to.

    Raises:
      UserError: if it has no styles, or keeps no mean of them.
    """
    check(generator)
    one, labels = generator.draw(jax.random.key(0), 1), generator.labels(None, 1)
    found = jax.jit(_listening(generator))(generator.variables, one, labels)
    if "mean" not in found:
        raise errors.UserError(f"{generator.name} keeps no mean of its styles")
    return np.asarray(found["mean"])


def layers(generator: Generator) -> int:
    """How many of w an image takes: L.

    Raises:
      UserError: if it has no styles.
    """
    check(generator)
    one, labels = generator.draw(jax.random.key(0), 1), generator.labels(None, 1)
    found = jax.eval_shape(_listening(generator), generator.variables, one, labels)
    return found["styles"].shape[1]


def checked(generator: Generator, w: Any) -> np.ndarray:
    """``w`` as float32 [n, D].

    Raises:
      UserError: if the generator has no styles, or they are of another length.
    """
    one, labels = generator.draw(jax.random.key(0), 1), generator.labels(None, 1)
    check(generator)
    found = jax.eval_shape(_listening(generator), generator.variables, one, labels)
    return requests.check_array("w", w, (found["w"].shape[-1],))


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
    paint = jax.jit(_painting(generator))

    def make(chosen: np.ndarray) -> jax.Array:
        some = rows(latents, chosen)
        told = None if labels is None else labels[chosen]
        return paint(generator.variables, some, told, styles[chosen])

    return np.asarray(in_chunks(make, len(styles), CHUNK))


def _listening(generator: Generator) -> Callable[..., dict[str, jax.Array]]:
    """``(variables, latents, labels)`` to what was said between the generator's parts."""

    def run(variables: PyTree, latents: PyTree, labels: Any) -> dict[str, jax.Array]:
        found: dict[str, jax.Array] = {}

        def listen(go: Any, args: tuple, kwargs: dict, context: Any) -> Any:
            if context.method_name == "synthesize" and args:
                found["styles"] = args[0]
                averages = context.module.variables.get("w_avg", {})
                if "mean" in averages:
                    found["mean"] = averages["mean"]
            out = go(*args, **kwargs)
            if context.method_name == "map":
                found.setdefault("w", out)
            return out

        with nn.intercept_methods(listen):
            generator.apply(variables, latents, labels, np.float32(1))
        return found

    return run


def _painting(generator: Generator) -> Callable[..., jax.Array]:
    """``(variables, latents, labels, styles) -> images``: its own styles are not worked out."""

    def run(variables: PyTree, latents: PyTree, labels: Any, styles: jax.Array) -> jax.Array:
        def answer(go: Any, args: tuple, kwargs: dict, context: Any) -> Any:
            if context.method_name == "synthesize" and args:
                return go(styles, *args[1:], **kwargs)
            return go(*args, **kwargs)

        with nn.intercept_methods(answer):
            return generator.apply(variables, latents, labels, np.float32(1))

    return run
