"""What methods share that have an encoder, ``e``, which gives a ``networks.Posterior``."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial.several import Common
from jaxgan.base.state import State
from jaxgan.learning.player import Player
from jaxgan.learning.players import Players
from jaxgan.networks import Posterior


def pair(
    common: Common, generator: Mapping[str, Any], encoder: Mapping[str, Any], latent_dim: int
) -> dict[str, Player]:
    """A generator ``g`` of samples from latents, and an encoder ``e`` of as many of these."""
    return {
        "g": common.player("generator", generator, shape=common.shape),
        "e": common.player("encoder", encoder, shape=(latent_dim,)),
    }


def kl_of(q: Posterior) -> jax.Array:
    """``KL(q(z | x) | N(0, I))`` [B] in nats."""
    return losses.kl_standard_normal(q.mean, q.log_variance)


def drawn(q: Posterior, noise: jax.Array) -> jax.Array:
    """Latents [B, Z] of standard normal noise [B, Z].

    Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), section 2.4.
    """
    return q.mean + jnp.exp(q.log_variance / 2) * noise


def encoder(players: Mapping[str, Player]) -> Callable[..., jax.Array]:
    """``encode`` of a method: the means of the latents [B, Z] of images in [-1, 1]."""

    def encode(state: State, images: jax.Array, *, averaged: bool = True) -> jax.Array:
        return Players(players).apply(state.nets, "e", images, averaged=averaged).mean

    return encode


def posterior_of(players: Mapping[str, Player]) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """``posterior`` of a method: the means and deviations [B, Z] of an image's latents."""

    def spread(
        state: State, images: jax.Array, *, averaged: bool = True
    ) -> tuple[jax.Array, jax.Array]:
        q = Players(players).apply(state.nets, "e", images, averaged=averaged)
        return q.mean, jnp.exp(q.log_variance / 2)

    return spread
