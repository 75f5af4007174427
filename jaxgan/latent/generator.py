"""A trained generator as this room sees it, whoever trained it: pure functions of latents."""

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import errors
from jaxgan.base.method import TRANSLATED, Styled
from jaxgan.run import encoded, requests
from jaxgan.run.pretrained import Pretrained
from jaxgan.run.sampling import in_chunks
from jaxgan.run.trained import Model
from jaxgan.run.translating import Translating
from jaxgan.weights import players

PyTree = Any
CHUNK = 64
NO_LATENTS = "makes images of images: it has no latents to look for"


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """What makes samples of latents.

    Attributes:
      name: how messages call it.
      shape: of one sample.
      num_classes: that it is told of; 0: of none.
      classes: their names, or their numbers.
      draw: ``(key, n) -> latents``, a tree of arrays [n, ...].
      check: ``latents -> n``; refuses those of another shape.
      variables: of its networks.
      apply: ``(variables, latents, labels, truncation) -> samples`` [n, *shape], to be traced.
        Labels are int32 [n], mixtures of classes float32 [n, K], or ``None``.
      bounded: whether its latents are cut off, and ``truncation`` is a setting of its network.
      encode: ``(variables, images) -> latents``, where there is an encoder.
      styled: its two parts, its variables the state, where it has a space of styles.
      cut: has rows computed in parts, one on each of its devices.
    """

    name: str
    shape: tuple[int, ...]
    num_classes: int
    classes: tuple[str, ...]
    draw: Callable[[jax.Array, int], PyTree]
    check: Callable[[PyTree], int]
    variables: PyTree
    apply: Callable[..., jax.Array]
    bounded: bool = False
    encode: Callable[..., PyTree] | None = None
    styled: Styled | None = None
    cut: Callable[[jax.Array], jax.Array] = lambda rows: rows

    @cached_property
    def example(self) -> PyTree:
        """The latents of one sample, for their names and shapes."""
        return self.draw(jax.random.key(0), 1)

    def check_images(self) -> None:
        """Refuses what makes no images.

        Raises:
          UserError: if samples are points.
        """
        if len(self.shape) != 3:
            raise errors.UserError(f"{self.name} makes points {list(self.shape)}, and no images")

    def labels(self, given: Any, n: int) -> np.ndarray | None:
        """Labels int32 [n]: those given in turn, ``None``: all in turn; ``None`` where it has none.

        Raises:
          UserError: for labels that there are not, or where there are none at all.
        """
        if not self.num_classes:
            if given is not None:
                raise errors.UserError(f"{self.name} takes no labels")
            return None
        names = self.classes if given is not None else ()
        return requests.cycle(given, n, self.num_classes, names)["labels"].astype(np.int32)

    def images(self, latents: PyTree, labels: Any = None, truncation: float = 1.0) -> np.ndarray:
        """Samples [n, *shape] of latents under labels [n] or mixtures [n, K].

        Raises:
          UserError: for latents of another shape, or mixtures that its network cannot be told.
        """
        n = self.check(latents)
        if labels is not None and np.ndim(labels) == 2:
            self._check_mixtures(latents, labels)
        psi = np.float32(truncation)

        def make(rows: np.ndarray) -> Any:
            some, told = jax.tree.map(lambda x: np.asarray(x)[rows], (latents, labels))
            return self._compiled(self.variables, some, told, psi)

        with errors.stage("generating samples by", self.name):
            return in_chunks(make, n, CHUNK)

    def _check_mixtures(self, latents: PyTree, labels: Any) -> None:
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype), latents)
        told = jax.ShapeDtypeStruct((1, labels.shape[1]), jnp.float32)
        try:
            jax.eval_shape(self.apply, self.variables, one, told, np.float32(1))
        except (TypeError, ValueError, IndexError) as error:
            raise errors.UserError(
                f"{self.name} takes whole classes alone, there is nothing between two of them: "
                f"{errors.describe(error)}"
            ) from error

    @cached_property
    def _compiled(self) -> Callable[..., jax.Array]:
        return jax.jit(self.apply)

    @cached_property
    def said(self) -> dict[str, jax.ShapeDtypeStruct]:
        """The shapes of what ``listen`` gives for one sample; {} where nothing is said."""
        return jax.eval_shape(self.listen, self.variables, self.example, self.labels(None, 1))

    @cached_property
    def listen(self) -> Callable[..., dict[str, jax.Array]]:
        """``(variables, latents, labels)`` to what is said between ``map`` and ``synthesize``.

        ``w`` [n, D] of the first, ``styles`` [n, L, D] for the second, and the ``mean`` of w [D],
        or of each class [K, D].
        """

        def run(variables: PyTree, latents: PyTree, labels: Any) -> dict[str, jax.Array]:
            found: dict[str, jax.Array] = {}

            def hear(go: Any, args: tuple, kwargs: dict, context: Any) -> Any:
                if context.method_name == "synthesize" and args:
                    found["styles"] = args[0]
                    averages = context.module.variables.get("w_avg", {})
                    if "mean" in averages:
                        found["mean"] = averages["mean"]
                out = go(*args, **kwargs)
                if context.method_name == "map":
                    found.setdefault("w", out)
                return out

            with nn.intercept_methods(hear):
                self.apply(variables, latents, labels, np.float32(1))
            return found

        return jax.jit(run)

    @cached_property
    def paint(self) -> Callable[..., jax.Array]:
        """``(variables, latents, labels, styles) -> images``: its own styles are not worked out."""

        def run(variables: PyTree, latents: PyTree, labels: Any, styles: jax.Array) -> jax.Array:
            def answer(go: Any, args: tuple, kwargs: dict, context: Any) -> Any:
                if context.method_name == "synthesize" and args:
                    return go(styles, *args[1:], **kwargs)
                return go(*args, **kwargs)

            with nn.intercept_methods(answer):
                return self.apply(variables, latents, labels, np.float32(1))

        return jax.jit(run)


def of(gan: Any) -> Generator:
    """The generator of what ``jaxgan.load`` gives.

    Raises:
      UserError: if it makes images of images: it has no latents to speak of.
    """
    if isinstance(gan, Generator):
        return gan
    if isinstance(gan, Model):
        return of_run(gan)
    if isinstance(gan, Pretrained):
        return of_file(gan)
    if isinstance(gan, Translating):
        raise errors.UserError(f"{gan.file.path} {NO_LATENTS}")
    raise errors.UserError(f"a model of jaxgan.load is due, not {type(gan).__name__}")


def of_run(gan: Model) -> Generator:
    """The generator of a run; see ``of``."""
    method, spec, autoencoder = gan.method, gan.program.spec, gan.program.autoencoder
    name = f"method {gan.config.method.name!r}"
    if TRANSLATED in method.conditions:
        raise errors.UserError(f"{name} {NO_LATENTS}")
    averaged = gan.config.evaluation.averaged

    def shown(samples: jax.Array) -> jax.Array:
        if autoencoder is None:
            return samples
        return encoded.shown(autoencoder, autoencoder.variables, samples)

    def encode(state: Any, images: jax.Array) -> PyTree:
        assert method.encode is not None
        if autoencoder is not None:
            images = encoded.looked(autoencoder, autoencoder.variables, images)
        return method.encode(state, images, averaged=averaged)

    def apply(state: Any, latents: PyTree, labels: Any, truncation: Any) -> jax.Array:
        told = {} if labels is None else {"labels": labels}
        return shown(method.generate(state, latents, averaged=averaged, **told))

    return Generator(
        name,
        tuple(gan.program.shape),
        spec.num_classes if "labels" in method.conditions else 0,
        spec.called,
        gan.latents,
        lambda latents: requests.check_latents(method, latents),
        gan.state,
        apply,
        encode=encode if method.encode else None,
        styled=method.styled and _with(method.styled, shown, averaged=averaged),
        cut=gan.program.devices.cut,
    )


def of_file(gan: Pretrained) -> Generator:
    """The generator of a published file, with its constant noise; see ``of``."""
    networks = gan.networks
    made = players.generator(networks)

    def apply(g: Any, latents: Any, labels: Any, truncation: Any) -> jax.Array:
        return made(g, latents, labels, truncation, None, "const")

    def check(latents: Any) -> int:
        return len(requests.check_array("latents", latents, (networks.latent_dim,)))

    return Generator(
        str(gan.file.path),
        networks.shape,
        networks.num_classes,
        tuple(map(str, range(networks.num_classes))),
        gan.latents,
        check,
        networks.g,
        apply,
        players.is_bounded(networks),
        styled=players.styled(networks),
    )


def _with(styled: Styled, shown: Callable[[jax.Array], jax.Array], **given: Any) -> Styled:
    """The same parts, told which weights to take, and what is made by them as it is shown."""

    def synthesize(*inputs: Any, **told: Any) -> jax.Array:
        return shown(styled.synthesize(*inputs, **given, **told))

    return Styled(
        styled.layers,
        partial(styled.map, **given),
        partial(styled.noise, **given),
        synthesize,
    )


def z_of(latents: PyTree) -> np.ndarray:
    """The part of latents that is z, float32 [n, Z]; a user's latents may have no such part.

    Raises:
      UserError: if it is no array [n, Z].
    """
    z = latents["z"] if isinstance(latents, dict) and "z" in latents else latents
    if isinstance(z, dict | list | tuple) or np.ndim(z) != 2:
        raise errors.UserError("the latents are no vectors [n, Z]")
    return np.asarray(z)


def with_z(latents: PyTree, z: np.ndarray) -> PyTree:
    """The latents with another z."""
    return {**latents, "z": z} if isinstance(latents, dict) and "z" in latents else z


def rows(latents: PyTree, index: Any) -> PyTree:
    """Some of the latents."""
    return jax.tree.map(lambda x: np.asarray(x)[index], latents)
