"""What methods share that make an image of an image: noise by seeds, and samples of ``image``."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.adversarial.several import given
from jaxgan.base.method import TRANSLATED
from jaxgan.base.state import State
from jaxgan.learning.player import Player
from jaxgan.learning.players import Players

CONDITIONS = (TRANSLATED,)


def latents(keys: jax.Array) -> jax.Array:
    """Seeds uint32 [B] of what a translation has of chance, one of each key [B]."""
    return jax.vmap(lambda key: jax.random.bits(key, (), jnp.uint32))(keys)


def inputs(images: jax.Array, seeds: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What a translator is called with: images [B, ...], and the keys [B] of its dropout."""
    return images, jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), seeds)


def generator(
    players: Mapping[str, Player], name: str, called: Callable[..., tuple] = inputs
) -> Callable[..., jax.Array]:
    """``generate`` of a method whose network of that name translates the condition ``image``.

    ``called(images, seeds)`` is what the network is called with.
    """

    def generate(
        state: State, latents: jax.Array, *, averaged: bool = True, **asked: Any
    ) -> jax.Array:
        (images,) = given(asked, CONDITIONS)
        given_to = called(images, latents)
        return Players(players).apply(state.nets, name, *given_to, averaged=averaged)

    return generate
