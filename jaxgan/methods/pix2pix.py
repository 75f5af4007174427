"""pix2pix: an image made of the one that it is paired with.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"
(arXiv:1611.07004), eq. 4: a conditional GAN whose generator is also held to the target by L1.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import several, translating
from jaxgan.base.method import Method
from jaxgan.base.state import Metrics
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.learning.player import Player
from jaxgan.learning.players import Run


@dataclasses.dataclass(frozen=True)
class Pix2Pix:
    """A generator of images from images, and a discriminator of pairs.

    Attributes:
      common: the fields of every method of several networks.
      generator: called with an image and the keys of its noise, which is dropout.
      discriminator: called with the image and the target, or what is made of it, one after the
        other in the channels.
      target_shape: of a target, filled in from the dataset.
      loss: of both players, see ``losses.gan``; D's is halved (section 3.3).
      l1: weight of the distance to the target.
      features: a distance in features beside it, see ``extractors.perceptual``; the paper has none.
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    target_shape: tuple[int, ...]
    loss: str = "non_saturating"
    l1: float = 100.0
    features: Perceptual = dataclasses.field(default_factory=Perceptual)

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.l1 < 0:
            raise ValueError("l1 must be at least 0")

    @cached_property
    def players(self) -> dict[str, Player]:
        """The generator and the discriminator."""
        c = self.common
        return {
            "g": c.player("generator", self.generator, shape=self.target_shape),
            "d": c.player("discriminator", self.discriminator),
        }

    def build(self) -> Method:
        """The method: samples are translations of the condition ``image``."""
        return several.method(
            self.common,
            self.players,
            lambda rows: {"g": translating.inputs(rows["image"], rows["z"]), "d": (pair(rows),)},
            [(["d"], self.d_loss), (["g"], self.g_loss)],
            latents=translating.latents,
            extras=lambda batch: self.features.extras(batch, self.target_shape),
            generate=translating.generator(self.players, "g"),
            entries=("image", "target"),
            conditions=translating.CONDITIONS,
            prepare=self.features.prepare if self.features else None,
        )

    def fake(self, run: Run, rows: several.Rows) -> jax.Array:
        """What is made of the images, [B, H, W, C'] in [-1, 1]."""
        return run("g", *translating.inputs(rows["image"], rows["z"]))

    def d_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """Half the loss of the logits of true pairs and of made ones."""
        real = run("d", pair(rows)).logits
        made = run("d", pair(rows, self.fake(run, rows))).logits
        adversarial = losses.adversarial(self.loss).discriminator
        value = adversarial(real, made, axis_name=self.common.axis_name) / 2
        return value, {"d/loss": value, "d/real": jnp.mean(real), "d/fake": jnp.mean(made)}

    def g_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """To be taken for a true pair, and to be near the target."""
        image, adversarial = self.fake(run, rows), losses.adversarial(self.loss)
        logits = run("d", pair(rows, image)).logits
        real = run("d", pair(rows)).logits if adversarial.paired else None
        fooled = adversarial.generator(logits, real, axis_name=self.common.axis_name)
        distance = losses.l1(image, rows["target"])
        value, metrics = fooled + self.l1 * distance, {"g/adversarial": fooled, "g/l1": distance}
        if self.features:
            metrics["g/features"] = self.features.distance(rows["extras"], image, rows["target"])
            value += self.features.weight * metrics["g/features"]
        return value, {"g/loss": value, **metrics}


def pair(rows: several.Rows, made: jax.Array | None = None) -> jax.Array:
    """Images and their targets, or what is ``made`` of them, in the channels of one array."""
    return jnp.concatenate([rows["image"], rows["target"] if made is None else made], axis=-1)
