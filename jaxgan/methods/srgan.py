"""SRGAN: a larger image made of a small one, and SRResNet, which has no discriminator.

Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network" (arXiv:1609.04802), eq. 3 to 6.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import several, translating
from jaxgan.base.method import Method
from jaxgan.base.state import Metrics, State
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.learning.player import Player
from jaxgan.learning.players import Run

DISTANCES = {"l2": losses.l2, "l1": losses.l1}


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
      features: a distance in features beside it, see ``extractors.perceptual``.
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
    features: Perceptual = dataclasses.field(default_factory=Perceptual)
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
        """The discriminator, where there is one, and the generator."""
        c, found = self.common, dict[str, Player]()
        if self.discriminator is not None:
            found["d"] = c.player("discriminator", self.discriminator, self.d_optimizer)
        given: dict[str, Any] = {"shape": self.target_shape, "factor": self.factor}
        return {**found, "g": c.player("generator", self.generator, **given)}

    def build(self) -> Method:
        """The method: samples are what is made of the condition ``image``, cut off at -1 and 1."""
        judged = [(["d"], self.d_loss)] if self.adversarial else []
        whole = self.method(self.players, [*judged, (["g"], self.g_loss)])
        if not self.pretrain_steps:
            return whole
        alone = self.method({"g": self.players["g"]}, [(["g"], self.pixel_loss)])
        first = several.at_rest(alone, whole)

        def at(step: int) -> tuple[str, Method]:
            return ("pixels", first) if step < self.pretrain_steps else ("all", whole)

        return dataclasses.replace(first, at=at)

    def method(
        self, players: Mapping[str, Player], updates: Sequence[tuple[Sequence[str], several.Loss]]
    ) -> Method:
        """That of some players, which these updates move."""
        calls = {"g": "image", "d": "target"}
        return several.method(
            self.common,
            players,
            lambda rows: {name: (rows[calls[name]],) for name in players},
            updates,
            latents=translating.latents,
            extras=lambda batch: self.features.extras(batch, self.target_shape),
            generate=self.generate,
            entries=("image", "target"),
            conditions=translating.CONDITIONS,
            prepare=self.features.prepare if self.features else None,
        )

    def generate(self, state: State, latents: jax.Array, **asked: Any) -> jax.Array:
        """See ``Method``; the network's output has no bounds."""
        enlarge = translating.generator(self.players, "g", lambda images, _: (images,))
        return jnp.clip(enlarge(state, latents, **asked), -1, 1)

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

    def g_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """To be near the target, and to be taken for one (eq. 3)."""
        made, target = run("g", rows["image"]), rows["target"]
        distance = DISTANCES[self.distance](made, target)
        value, metrics = self.pixels * distance, {"g/pixels": distance}
        if self.features:
            metrics["g/features"] = self.features.distance(rows["extras"], made, target)
            value += self.features.weight * metrics["g/features"]
        if self.adversarial:
            adversarial = losses.adversarial(self.loss)
            real = run("d", target).logits if adversarial.paired else None
            logits = run("d", made).logits
            fooled = adversarial.generator(logits, real, axis_name=self.common.axis_name)
            metrics["g/adversarial"] = fooled
            value += self.adversarial * fooled
        return value, {"g/loss": value, **metrics}
