"""What a variant builds: a method, the record of pure functions that the loop runs."""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax

from jaxgan.base.state import Batch, Metrics, State

PyTree = Any
# The condition that makes a sample a translation of it.
TRANSLATED = "image"
# The entry of a batch of latents that has the images themselves.
PIXELS = "pixels"


def of_run(name: str) -> dict[str, str]:
    """The metadata of a variant's field that is the run's ``config.NAME``, and no one else sets."""
    return {"of_run": name}


def flat(**defaults: Any) -> dict[str, Any]:
    """The metadata of a variant's field that is a dataclass whose fields lie flat in the config.

    ``defaults`` are the variant's own.
    """
    return {"flat": defaults}


@dataclasses.dataclass(frozen=True)
class Styled:
    """A generator in two parts: from latents to a style w, and from styles to images.

    Attributes:
      layers: L, of which each takes a style.
      map: ``(state, latents, *, averaged=True, **conditions) -> w`` [n, D].
      noise: ``(state, *, averaged=True) -> maps``, the constant noise of the layers: a tree of
        [1, h, w, 1].
      synthesize: ``(state, styles, maps, *, averaged=True) -> images`` [n, H, W, C] of styles
        [n, L, D] and of maps [1 or n, h, w, 1].
    """

    layers: int
    map: Callable[..., jax.Array]
    noise: Callable[..., PyTree]
    synthesize: Callable[..., jax.Array]


@dataclasses.dataclass(frozen=True)
class Method:
    """A method in training and afterwards. A member that it has not is ``None``.

    The laws that every method keeps are listed in ``docs/laws.md`` and tested over every one of
    them in ``tests/test_laws.py``.

    Attributes:
      init: ``(key, batch) -> State`` before the first step. The batch gives shapes; its values may
        be used too, see ``prepare``.
      step: ``(state, batch, key) -> (State, Metrics)``: one training step, pure, and the same for
        any number of devices. The batch holds ``entries``, ``image`` [minibatches * B, *shape] in
        [-1, 1]; the key is this step's, and every draw from it belongs to a sample, see
        ``draws.sample_keys``. The metrics are float32 scalars named ``{network}/{quantity}``.
      latents: ``(key, n) -> latents``, what n samples are generated from: any tree of arrays
        [n, ...], a row for each sample.
      generate: ``(state, latents, *, averaged=True, **conditions) -> samples`` [n, *shape] in
        [-1, 1], from the averaged weights where there are any.
      minibatches: of ``batch_size`` samples that one step consumes.
      entries: of the batch that ``step`` reads.
      apart: those of them that are drawn in orders of their own, also where the data have them in
        one row: what is not to be paired.
      conditions: names of those that ``generate`` takes. ``'labels'`` are int32 [n]; ``'image'``
        are images [n, H, W, C] in [-1, 1] that samples are translations of, of the targets' shape
        where the method reads targets; any other is [n, ...], or one for all.
      at: ``step -> (phase, Method)``, where what runs changes as a training goes on: the method of
        a state after so many steps, and which of its phases that is, any hashable value. Each phase
        is compiled once, and is a range of steps. The phases have the same members, read the same
        entries, log the same metrics, and keep one state: what one of them leaves is what the next
        begins with, and can generate from.
      choices: the conditions beside ``'labels'`` that are whole numbers from 0 on, each with how
        many it may be.
      prepare: ``source -> entries`` of the batch that ``init`` gets, read from the training data on
        the host before anything is written, where a run begins. It may refuse the data by a
        ValueError; without these entries ``init`` must give a state of the same shapes.
      scores: ``(state, images) -> logits`` [B] of the discriminator.
      classify: ``(state, images, *, averaged=True) -> {name: class logits [B, K]}``.
      encode: ``(state, images, *, averaged=True) -> latents``, from which ``generate`` makes the
        images again, as well as it can.
      posterior: ``(state, images, *, averaged=True) -> (means, deviations)`` [B, Z] of the normal
        distribution of an image's latents, of which ``encode`` gives the means.
      log_weight: ``(state, images, keys) -> log importance weights`` [B], of a model with an
        encoder.
      recalibrate: ``(state, key, n, batches, *, averaged=True) -> State`` with its batch statistics
        renewed over so many batches of n samples.
      styled: its generator in two parts, where it has a space of styles.
    """

    init: Callable[[jax.Array, Batch], State]
    step: Callable[[State, Batch, jax.Array], tuple[State, Metrics]]
    latents: Callable[[jax.Array, int], PyTree]
    generate: Callable[..., jax.Array]
    minibatches: int = 1
    entries: tuple[str, ...] = ("image",)
    apart: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    at: "Callable[[int], tuple[Hashable, Method]] | None" = None
    choices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    prepare: Callable[[Any], Batch] | None = None
    scores: Callable[[State, jax.Array], jax.Array] | None = None
    classify: Callable[..., dict[str, jax.Array]] | None = None
    encode: Callable[..., PyTree] | None = None
    posterior: Callable[..., tuple[jax.Array, jax.Array]] | None = None
    log_weight: Callable[[State, jax.Array, jax.Array], jax.Array] | None = None
    recalibrate: Callable[..., State] | None = None
    styled: Styled | None = None

    def __post_init__(self) -> None:
        """One name stands for a tuple of it: a text would hold every part of itself."""
        for field in ("entries", "apart", "conditions"):
            value = getattr(self, field)
            object.__setattr__(self, field, (value,) if isinstance(value, str) else tuple(value))

    def phase(self, step: int) -> tuple[Hashable, "Method"]:
        """The phase of a state after ``step`` steps, and the method then.

        Raises:
          TypeError: if ``at`` returns something else.
        """
        if self.at is None:
            return None, self
        found: Any = self.at(step)
        told = type(found).__name__
        if isinstance(found, tuple):
            told = f"({', '.join(type(each).__name__ for each in found)})"
            if len(found) == 2 and isinstance(found[0], Hashable) and isinstance(found[1], Method):
                return found
        raise TypeError(
            f"at({step}) must return (phase, Method), the phase a hashable value; it returned "
            f"{told}"
        )

    def changes(self, steps: int) -> list[int]:
        """The first step of each phase that a training of so many steps has."""

        def between(first: int, last: int) -> list[int]:
            if self.phase(first)[0] == self.phase(last)[0]:
                return []
            if last - first == 1:
                return [last]
            middle = (first + last) // 2
            return between(first, middle) + between(middle, last)

        return [0, *between(0, steps)]

    def phases(self, steps: int) -> list["Method"]:
        """The method in each of these phases."""
        return [self.phase(step)[1] for step in self.changes(steps)]

    def sample(self, state: State, key: jax.Array, n: int, **conditions: Any) -> jax.Array:
        """``generate`` of n ``latents``."""
        return self.generate(state, self.latents(key, n), **conditions)
