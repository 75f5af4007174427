"""VAE-GAN: a variational autoencoder whose decoder is a GAN's generator.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric"
(arXiv:1512.09300), Algorithm 1: reconstructions are measured in the discriminator's features
(eq. 7 and 8). Or the plain form, in which a VAE's bound (Kingma and Welling 2014, arXiv:1312.6114)
of pixels is added to a GAN's loss.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import several
from jaxgan.adversarial.encoding import drawn, encoder, kl_of, pair, posterior_of
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import Metrics, State
from jaxgan.learning.player import Player
from jaxgan.learning.players import Players, Run

LIKELIHOODS = ("features", "pixels")


@dataclasses.dataclass(frozen=True)
class VAEGAN:
    """An encoder, a decoder, which is the network that generates, and a discriminator of images.

    They move in turn, the discriminator first, each on draws of its own; the paper has one draw
    for all three. The discriminator's features are the same in the other two updates.

    Attributes:
      common: the fields of every method of several networks.
      generator: the decoder.
      encoder: its class gives a ``networks.Posterior``.
      discriminator: its ``Critique`` has the features.
      latent_dim: length of z, which is N(0, I) before an image is seen.
      loss: of the discriminator and the decoder, see ``losses.gan``.
      likelihood: what L_llike is of, a normal distribution about the reconstruction:
        ``'features'`` of the discriminator, which judges reconstructions, too; or ``'pixels'`` in
        [-1, 1], beside a GAN that judges nothing but images of the prior.
      deviation: of that distribution, the same for all features or pixels.
      gamma: weight of L_llike against the adversarial loss, for the decoder alone.
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    encoder: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    latent_dim: int = 128
    loss: str = "non_saturating"
    likelihood: str = "features"
    deviation: float = 1.0
    gamma: float = 1e-3

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}")
        if self.deviation <= 0 or self.gamma < 0:
            raise ValueError("deviation must be more than 0, and gamma at least 0")
        losses.adversarial(self.loss)

    @cached_property
    def players(self) -> dict[str, Player]:
        """The decoder, the encoder and the discriminator."""
        two = pair(self.common, self.generator, self.encoder, self.latent_dim)
        return {**two, "d": self.common.player("discriminator", self.discriminator)}

    def build(self) -> Method:
        """The method."""
        return several.method(
            self.common,
            self.players,
            lambda rows: {"g": (rows["z"],), "e": (rows["image"],), "d": (rows["image"],)},
            [(["d"], self.d_loss), (["e"], self.e_loss), (["g"], self.g_loss)],
            latents=several.gaussian(self.latent_dim),
            averaged=("e",),
            encode=encoder(self.players),
            posterior=posterior_of(self.players),
            scores=self.scores,
        )

    def reconstruct(self, run: Run, rows: several.Rows) -> tuple[jax.Array, jax.Array]:
        """Images [B, ...] of latents drawn for each image, and what the KL of these is [B]."""
        q = run("e", rows["image"])
        z = drawn(q, draws.normal(rows["key"], (self.latent_dim,)))
        return run("g", z), kl_of(q)

    def made(self, run: Run, rows: several.Rows, again: jax.Array) -> list[jax.Array]:
        """What the discriminator is to tell from images: of the prior, and made again."""
        fresh = run("g", rows["z"])
        return [again, fresh] if self.likelihood == "features" else [fresh]

    def d_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """L_GAN: real images against each kind of made ones, which weigh as one together.

        In Algorithm 1 each of the two weighs as much as the real ones; in the authors' program they
        do not.
        """
        again, _ = self.reconstruct(run, rows)
        real = run("d", rows["image"]).logits
        made = [run("d", image).logits for image in self.made(run, rows, again)]
        tell = losses.adversarial(self.loss).discriminator
        each = [tell(real, logits, axis_name=self.common.axis_name) for logits in made]
        value = jnp.mean(jnp.stack(each))
        seen = {"d/real": jnp.mean(real), "d/fake": jnp.mean(jnp.stack(made))}
        return value, {"d/loss": value, **seen}

    def e_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """``L_prior + L_llike``: the negative bound."""
        again, kl = self.reconstruct(run, rows)
        fit, kl = jnp.mean(self.fit(run, again, rows["image"])), jnp.mean(kl)
        return kl - fit, {"e/loss": kl - fit, "e/kl": kl, "e/log_likelihood": fit}

    def g_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """``gamma L_llike - L_GAN``, the latter as a generator's loss of each kind of images."""
        again, _ = self.reconstruct(run, rows)
        fit = jnp.mean(self.fit(run, again, rows["image"]))
        adversarial = losses.adversarial(self.loss)
        real = run("d", rows["image"]).logits if adversarial.paired else None
        each = [
            adversarial.generator(run("d", image).logits, real, axis_name=self.common.axis_name)
            for image in self.made(run, rows, again)
        ]
        fooled = jnp.sum(jnp.stack(each))
        value = fooled - self.gamma * fit
        return value, {"g/loss": value, "g/adversarial": fooled, "g/log_likelihood": fit}

    def fit(self, run: Run, again: jax.Array, images: jax.Array) -> jax.Array:
        """``log p(D_l(x) | z)`` [B] in nats (eq. 7), or ``log p(x | z)``."""
        if self.likelihood == "features":
            again, images = (run("d", x).features for x in (again, images))
        return losses.gaussian_log_likelihood(again, images, 2 * math.log(self.deviation))

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images in [-1, 1]."""
        logits = Players(self.players).apply(state.nets, "d", images).logits
        return logits.reshape(len(logits), -1).mean(axis=1)
