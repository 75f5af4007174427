"""SRGAN: a larger image made of a small one, and SRResNet, which has no discriminator.

Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network" (arXiv:1609.04802), eq. 3 to 6.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import data, losses
from jaxgan.adversarial import several, translating
from jaxgan.base.method import Method
from jaxgan.base.state import Batch, Metrics, State
from jaxgan.extractors import maps
from jaxgan.learning.player import Player
from jaxgan.learning.players import Run

PyTree = Any
DISTANCES = {"l2": losses.l2, "l1": losses.l1}
# Of a discriminator that has not begun they are 0.
OF_D = ("d/loss", "d/real", "d/fake", "d/grad_norm")
# The extractor's variables, among the entries of the batch that ``init`` gets and in the state.
SEEN = "features"


@dataclasses.dataclass(frozen=True)
class Features:
    """In which features an image is to be near the target; eq. 5 on any extractor.

    Attributes:
      extractor: ``'domain'`` (a classifier of the targets, by their labels), ``'inception'`` or
        ``'none'``.
      layers: whose maps are compared, see ``extractors.maps``.
      weight: of the squared distance, a mean over each layer's values and a sum over layers.
      weights: Inception's file.
      weights_digest: its SHA-256, if it must be that one.
    """

    extractor: str = "none"
    layers: tuple[str, ...] = ()
    weight: float = 1.0
    weights: str = ""
    weights_digest: str = ""

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.extractor == "none":
            if self.layers or self.weights:
                raise ValueError("features.layers and features.weights need features.extractor")
        elif self.weight <= 0 or not self.layers:
            raise ValueError("features need layers, and a weight above 0")
        if (self.extractor == "inception") != bool(self.weights):
            raise ValueError("features.weights is the file of features.extractor='inception'")

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.extractor != "none"


@dataclasses.dataclass(frozen=True)
class SRGAN:
    """A generator of images larger than those it is given, and a discriminator of large ones.

    Attributes:
      common: the fields of every method of several networks.
      generator: called with an image, and told the ``factor`` by which it enlarges.
      target_shape: of a target, filled in from the dataset.
      discriminator: of images of the targets' size; ``None`` where ``adversarial`` is 0.
      d_optimizer: the discriminator's own; ``None``: the common one.
      loss: of both players, see ``losses.gan``.
      adversarial: weight of the generator's adversarial loss; 0 has no discriminator.
      distance: to the target in pixels: ``'l2'`` (eq. 4) or ``'l1'``.
      pixels: weight of that distance.
      features: a distance in features beside it, see ``Features``.
      pretrain_steps: before them the generator learns by the distance in pixels alone (section
        3.2), and the discriminator not at all; the metrics of all else are 0.
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    target_shape: tuple[int, ...]
    discriminator: Mapping[str, Any] | None = None
    d_optimizer: Mapping[str, Any] | None = None
    loss: str = "non_saturating"
    adversarial: float = 1e-3
    distance: str = "l2"
    pixels: float = 1.0
    features: Features = dataclasses.field(default_factory=Features)
    pretrain_steps: int = 0

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if min(self.adversarial, self.pixels, self.pretrain_steps) < 0:
            raise ValueError("adversarial, pixels and pretrain_steps must be at least 0")
        if self.distance not in DISTANCES:
            raise ValueError(f"distance must be one of {', '.join(DISTANCES)}")
        if bool(self.adversarial) != (self.discriminator is not None):
            raise ValueError("adversarial > 0 needs a discriminator, and adversarial=0 takes none")
        if self.d_optimizer is not None and self.discriminator is None:
            raise ValueError("d_optimizer is of a discriminator, and there is none")
        if not (self.adversarial or self.pixels or self.features):
            raise ValueError(
                "without adversarial, pixels and features there is nothing to learn by"
            )

    @cached_property
    def factor(self) -> int:
        """By how much a target is larger than its image.

        Raises:
          ValueError: if it is by no whole factor.
        """
        small, large = self.common.shape, self.target_shape
        factor = large[0] // small[0]
        if tuple(factor * side for side in small[:2]) != tuple(large[:2]) or factor < 2:
            raise ValueError(
                f"targets of {large[0]} x {large[1]} pixels are no multiple of images of "
                f"{small[0]} x {small[1]}: set data.low_resolution"
            )
        return factor

    @cached_property
    def players(self) -> dict[str, Player]:
        """The generator, and the discriminator where there is one."""
        c = self.common
        given: dict[str, Any] = {"shape": self.target_shape, "factor": self.factor}
        players = {"g": c.player("generator", self.generator, **given)}
        if self.discriminator is not None:
            players["d"] = c.player("discriminator", self.discriminator, self.d_optimizer)
        return players

    def build(self) -> Method:
        """The method: samples are what is made of the condition ``image``, cut off at -1 and 1."""
        alone = self.method([(["g"], self.pixel_loss)])
        whole = self.method(self.updates(None))
        enlarge = translating.generator(self.players, "g", lambda images, _: (images,))

        def generate(state: State, latents: jax.Array, **asked: Any) -> jax.Array:
            return jnp.clip(enlarge(state, latents, **asked), -1, 1)

        def init(key: jax.Array, batch: Batch) -> State:
            state = whole.init(key, batch)
            if not self.features:
                return state
            seen = batch.get(SEEN) or jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), self.seen)
            return dataclasses.replace(state, extras={SEEN: seen})

        def first(state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
            only = dataclasses.replace(state, nets={"g": state.nets["g"]})
            new, metrics = alone.step(only, batch, key)
            idle = dict.fromkeys(self.idle, jnp.zeros((), jnp.float32))
            return dataclasses.replace(new, nets={**state.nets, **new.nets}), {**idle, **metrics}

        def then(state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
            return self.method(self.updates(state.extras.get(SEEN))).step(state, batch, key)

        def at(step: int) -> tuple[str, Method]:
            return ("pixels", before) if step < self.pretrain_steps else ("all", after)

        after = dataclasses.replace(
            whole,
            init=init,
            step=then,
            generate=generate,
            entries=("image", "target"),
            conditions=translating.CONDITIONS,
            prepare=self.prepare if self.features else None,
        )
        before = dataclasses.replace(after, step=first)
        return dataclasses.replace(before, at=at) if self.pretrain_steps else after

    def method(self, updates: Sequence[tuple[Sequence[str], several.Loss]]) -> Method:
        """The method of the players that these updates move."""
        names = [name for moved, _ in updates for name in moved]
        inputs = {"g": "image", "d": "target"}
        return several.method(
            self.common,
            {name: self.players[name] for name in names},
            lambda rows: {name: (rows[inputs[name]],) for name in names},
            updates,
            latents=translating.latents,
        )

    def updates(self, seen: PyTree) -> list[tuple[list[str], several.Loss]]:
        """Those of a step after the first phase, with the variables of the features."""
        of_g = (["g"], partial(self.g_loss, seen))
        return [(["d"], self.d_loss), of_g] if self.adversarial else [of_g]

    @property
    def idle(self) -> list[str]:
        """Metrics of what is at rest in the first phase."""
        return [*(OF_D if self.adversarial else ()), *self.terms]

    @property
    def terms(self) -> list[str]:
        """Metrics of the generator's terms beside the distance in pixels."""
        named = {"g/features": self.features, "g/adversarial": self.adversarial}
        return [name for name, used in named.items() if used]

    @property
    def seen(self) -> PyTree:
        """The shapes of the variables of the features."""
        return maps.shapes(self.features.extractor, self.features.layers, self.target_shape)

    def prepare(self, source: data.Source) -> Batch:
        """The variables of the features, see ``Method``: the state keeps them from then on."""
        f = self.features
        given = {"weights": f.weights, "digest": f.weights_digest}
        return {SEEN: maps.load(f.extractor, f.layers, source, **given)}

    def pixel_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """The distance to the target alone."""
        distance = DISTANCES[self.distance](run("g", rows["image"]), rows["target"])
        return distance, {"g/loss": distance, "g/pixels": distance}

    def d_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """To tell targets from what is made."""
        real = run("d", rows["target"]).logits
        made = run("d", run("g", rows["image"])).logits
        adversarial = losses.adversarial(self.loss).discriminator
        value = adversarial(real, made, axis_name=self.common.axis_name)
        return value, {"d/loss": value, "d/real": jnp.mean(real), "d/fake": jnp.mean(made)}

    def g_loss(self, seen: PyTree, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """To be near the target, and to be taken for one (eq. 3)."""
        made, target = run("g", rows["image"]), rows["target"]
        distance = DISTANCES[self.distance](made, target)
        value, metrics = self.pixels * distance, {"g/pixels": distance}
        if f := self.features:
            look = partial(maps.apply, f.extractor, f.layers, seen)
            metrics["g/features"] = losses.perceptual(look, made, target)
            value += f.weight * metrics["g/features"]
        if self.adversarial:
            adversarial = losses.adversarial(self.loss)
            real = run("d", target).logits if adversarial.paired else None
            logits = run("d", made).logits
            fooled = adversarial.generator(logits, real, axis_name=self.common.axis_name)
            metrics["g/adversarial"] = fooled
            value += self.adversarial * fooled
        return value, {"g/loss": value, **metrics}
