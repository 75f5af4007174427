"""BiGAN and ALI: a discriminator of pairs of an image and its latents teaches an encoder, too.

Donahue et al. 2017, "Adversarial Feature Learning" (arXiv:1605.09782), eq. 2 and 3, and the
"inverse" objective; Dumoulin et al. 2017, "Adversarially Learned Inference" (arXiv:1606.00704),
section 2, whose encoder is stochastic.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import several
from jaxgan.adversarial.encoding import drawn, encoder, pair
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import Metrics
from jaxgan.learning.player import Player
from jaxgan.learning.players import Run


@dataclasses.dataclass(frozen=True)
class BiGAN:
    """A generator, an encoder, and a discriminator of (x, E(x)) and (G(z), z).

    Attributes:
      common: the fields of every method of several networks.
      generator: of images from latents.
      encoder: its class gives a ``networks.Posterior``.
      discriminator: called with images and latents, such as ``pair_mlp`` or ``pair_dcgan``.
      latent_dim: length of z, drawn from N(0, I).
      loss: of all players, see ``losses.gan``.
      stochastic: whether an image's z is drawn from its posterior, as in ALI, or is the mean of it,
        as in BiGAN.
    """

    common: several.Common = dataclasses.field(metadata=several.flat())
    generator: Mapping[str, Any]
    encoder: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    latent_dim: int = 50
    loss: str = "non_saturating"
    stochastic: bool = False

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        losses.adversarial(self.loss)

    @cached_property
    def players(self) -> dict[str, Player]:
        """The generator, the encoder and the discriminator."""
        two = pair(self.common, self.generator, self.encoder, self.latent_dim)
        return {**two, "d": self.common.player("discriminator", self.discriminator)}

    def build(self) -> Method:
        """The method."""

        def inputs(rows: several.Rows) -> dict[str, tuple]:
            x, z = rows["image"], rows["z"]
            return {"g": (z,), "e": (x,), "d": (x, z)}

        return several.method(
            self.common,
            self.players,
            inputs,
            [(["d"], self.d_loss), (["g", "e"], self.g_loss)],
            latents=several.gaussian(self.latent_dim),
            averaged=("e",),
            encode=encoder(self.players),
        )

    def logits(self, run: Run, rows: several.Rows) -> tuple[jax.Array, jax.Array]:
        """Of the pairs (x, E(x)), and of (G(z), z)."""
        x, z = rows["image"], rows["z"]
        q = run("e", x)
        noise = draws.normal(rows["key"], (self.latent_dim,))
        found = drawn(q, noise) if self.stochastic else q.mean
        return run("d", x, found).logits, run("d", run("g", z), z).logits

    def d_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """Pairs of images are the real ones (eq. 3 for the cross-entropy)."""
        real, fake = self.logits(run, rows)
        value = losses.adversarial(self.loss).discriminator(
            real, fake, axis_name=self.common.axis_name
        )
        return value, {"d/loss": value, "d/real": jnp.mean(real), "d/fake": jnp.mean(fake)}

    def g_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """G's pairs are to be taken for E's, and E's for G's.

        The generator's loss of each, E's logits mirrored about the level of the loss: for
        ``'minimax'`` the negative of D's, for ``'non_saturating'`` D's with the labels exchanged
        (the paper's inverse objective). A relativistic one compares the two, and so teaches both
        at once.
        """
        real, fake = self.logits(run, rows)
        adversarial = losses.adversarial(self.loss)
        if adversarial.paired:
            value = adversarial.generator(fake, real, axis_name=self.common.axis_name)
        else:
            mirrored = 2 * (adversarial.tie or 0.0) - real
            value = adversarial.generator(fake) + adversarial.generator(mirrored)
        return value, {"g/loss": value}
