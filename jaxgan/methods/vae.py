"""The variational autoencoder, and the importance-weighted one.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), Algorithm 1 with the
estimator of eq. 10. Burda et al. 2016, "Importance Weighted Autoencoders" (arXiv:1509.00519),
eq. 8.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property, partial
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
from jaxgan.networks import Posterior

LIKELIHOODS = ("bernoulli", "gaussian")
BINARIZATIONS = ("none", "dynamic", "fixed")


@dataclasses.dataclass(frozen=True)
class VAE:
    """An encoder and a decoder, which is the network that generates.

    Attributes:
      common: the fields of every method of several networks.
      generator: the decoder: from latents to logits, or to means for a Gaussian likelihood.
      encoder: its class gives a ``networks.Posterior``.
      latent_dim: length of z, which is N(0, I) before an image is seen.
      likelihood: ``'bernoulli'``, of pixels in [0, 1] (grey ones: the usual surrogate), or
        ``'gaussian'``, of pixels in [-1, 1] with the ``deviation``.
      deviation: of the Gaussian likelihood, the same for all pixels.
      binarization: ``'dynamic'``: each pixel is 1 with its value as probability, drawn anew at
        every step; ``'fixed'``: drawn once for each image; ``'none'``.
      samples: k, draws of z for each image; the bound is then the importance-weighted one. 1 is
        the ELBO with the KL in closed form.
      beta: weight of the KL (Higgins et al. 2017).
      warmup_steps: in which the KL's weight grows from 0 (Sønderby et al. 2016, arXiv:1602.02282).
      free_bits: nats that each latent may cost for nothing, its KL being the batch's mean (Kingma
        et al. 2016, arXiv:1606.04934, eq. 15).
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    encoder: Mapping[str, Any]
    latent_dim: int = 2
    likelihood: str = "bernoulli"
    deviation: float = 1.0
    binarization: str = "none"
    samples: int = 1
    beta: float = 1.0
    warmup_steps: int = 0
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        for name, known in (("likelihood", LIKELIHOODS), ("binarization", BINARIZATIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}")
        if self.generator.get("output", "linear") != "linear":
            raise ValueError("the decoder's generator.output must be 'linear'")
        if self.likelihood == "gaussian" and self.binarization != "none":
            raise ValueError("binarization has no meaning for likelihood='gaussian'")
        if self.samples < 1 or self.deviation <= 0:
            raise ValueError("samples must be at least 1, and deviation more than 0")
        if min(self.beta, self.warmup_steps, self.free_bits) < 0:
            raise ValueError("beta, warmup_steps and free_bits must be at least 0")
        if self.samples > 1 and (self.beta != 1 or self.warmup_steps or self.free_bits):
            raise ValueError("samples > 1 has no KL for beta, warmup_steps and free_bits to weigh")

    @cached_property
    def players(self) -> dict[str, Player]:
        """The decoder and the encoder."""
        return pair(self.common, self.generator, self.encoder, self.latent_dim)

    def build(self) -> Method:
        """The method."""
        inputs = lambda rows: {"g": (rows["z"],), "e": (rows["image"],)}  # noqa: E731
        updates, latents = [(["g", "e"], self.loss)], several.gaussian(self.latent_dim)
        made = several.method(self.common, self.players, inputs, updates, latents=latents)

        def generate(state: State, latents: jax.Array, **asked: Any) -> jax.Array:
            out = made.generate(state, latents, **asked)
            return 2 * jax.nn.sigmoid(out) - 1 if self.likelihood == "bernoulli" else out

        return dataclasses.replace(
            made,
            generate=generate,
            encode=encoder(self.players),
            posterior=posterior_of(self.players),
            log_weight=self.log_weight,
        )

    def loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """The negative bound."""
        x = self.observed(rows["image"], rows["key"])
        q = run("e", self.shown(x))
        if self.samples > 1:
            keys = jax.vmap(lambda key: jax.random.split(key, self.samples))(rows["key"])
            weights = jnp.stack([self.weight(run, x, q, keys[:, k]) for k in range(self.samples)])
            bound = losses.importance_weighted_bound(weights)
            return -bound, {"g/bound": bound, "g/elbo": jnp.mean(weights)}
        fit, kl = self.fit(run("g", drawn(q, rows["z"])), x), jnp.mean(kl_of(q))
        fit = jnp.mean(fit)
        grown = jnp.minimum(1.0, (rows["step"][0] + 1) / max(self.warmup_steps, 1))
        cost = self.beyond(q) if self.free_bits else kl
        metrics = {"g/log_likelihood": fit, "e/kl": kl, "g/elbo": fit - kl}
        return self.beta * grown * cost - fit, metrics

    def beyond(self, q: Posterior) -> jax.Array:
        """The KL, of which each latent costs ``free_bits`` at least."""
        each = jax.vmap(lambda m, v: jnp.mean(kl_of(Posterior(m[:, None], v[:, None]))), (1, 1))
        mean = each(q.mean, q.log_variance)
        if self.common.axis_name is not None:
            mean = jax.lax.pmean(mean, self.common.axis_name)
        return jnp.sum(jnp.maximum(mean, self.free_bits))

    def observed(self, images: jax.Array, keys: jax.Array | None = None) -> jax.Array:
        """What the likelihood is of: images as they are, in [0, 1], or drawn from these.

        Drawn by keys [B]; without any, and where it is ``'fixed'``, by each image's content.
        """
        if self.likelihood == "gaussian":
            return images
        x = (images + 1) / 2
        if self.binarization == "none":
            return x
        if self.binarization == "fixed" or keys is None:
            keys = of_content(images)
        draw = jax.vmap(lambda key: jax.random.uniform(key, x.shape[1:], x.dtype))
        return (draw(keys) < x).astype(x.dtype)

    def shown(self, x: jax.Array) -> jax.Array:
        """The same, in [-1, 1], for the encoder."""
        return 2 * x - 1 if self.likelihood == "bernoulli" else x

    def fit(self, out: jax.Array, x: jax.Array) -> jax.Array:
        """``log p(x | z)`` [B] in nats, of what the decoder gives."""
        if self.likelihood == "bernoulli":
            return losses.bernoulli_log_likelihood(out, x)
        return losses.gaussian_log_likelihood(out, x, 2 * math.log(self.deviation))

    def weight(self, run: Run, x: jax.Array, q: Posterior, keys: jax.Array) -> jax.Array:
        """``log p(x, z) - log q(z | x)`` [B] of one draw of z."""
        z = drawn(q, draws.normal(keys, (self.latent_dim,)))
        prior = losses.gaussian_log_likelihood(jnp.zeros_like(z), z)
        posterior = losses.gaussian_log_likelihood(q.mean, z, q.log_variance)
        return self.fit(run("g", z), x) + prior - posterior

    def log_weight(self, state: State, images: jax.Array, keys: jax.Array) -> jax.Array:
        """See ``Method``; images that are drawn anew at every step are here drawn once for each."""
        x = self.observed(images)
        run = partial(Players(self.players).apply, state.nets)
        return self.weight(run, x, run("e", self.shown(x)), keys)


def of_content(images: jax.Array) -> jax.Array:
    """A key [B] that is the same for the same image, wherever it comes."""
    values = jnp.round((images.reshape(len(images), -1) + 1) * 127.5).astype(jnp.uint32)
    places = jnp.arange(1, values.shape[1] + 1, dtype=jnp.uint32) * jnp.uint32(2_654_435_761)
    sums = jnp.sum(values * places[None], axis=1, dtype=jnp.uint32)
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), sums)
