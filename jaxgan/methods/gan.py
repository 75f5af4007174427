"""The two-player GAN, its adversarial loss chosen by name and its techniques by switches.

Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661): Algorithm 1, with the value
function of equation 1 for ``loss='minimax'`` and section 3's non-saturating generator by default.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import draws, game, networks, objectives, play, techniques
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, State, weights

PyTree = Any


@dataclasses.dataclass(frozen=True)
class GAN:
    """A generator and a discriminator that learn in turn.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise.
      g_optimizer: Optax name, learning rate and arguments; apart from the discriminator's, so that
        the two may learn at two time scales (TTUR, Heusel et al. 2017, arXiv:1706.08500).
      d_optimizer: likewise.
      shape: of one sample, filled in from the dataset.
      loss: a name in ``jaxgan.losses``.
      latent_dim: length of z, drawn from N(0, I).
      n_critic: discriminator updates before each generator update, each on a minibatch of its own
        (k of Algorithm 1).
      ema_decay: of the generator's moving average; 0 keeps none.
      techniques: switches that stabilize, see ``techniques``.
      axis_name: the mapped axis over which the batch is split, set by ``parallel``.
    """

    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    g_optimizer: Mapping[str, Any]
    d_optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    loss: str = "non_saturating"
    latent_dim: int = 100
    n_critic: int = 1
    ema_decay: float = 0.999
    techniques: Mapping[str, Any] = techniques.group()
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        game.check(self)

    @property
    def minibatches(self) -> int:
        """Minibatches of real samples that one step consumes."""
        return self.n_critic

    @cached_property
    def g(self) -> Player:
        """The generator."""
        return game.generator(self)

    @cached_property
    def d(self) -> Player:
        """The discriminator."""
        return game.discriminator(self)

    @cached_property
    def rules(self) -> game.Game:
        """How they play."""
        return game.of(self, self.generate, self.judge)

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks; ``batch`` is not looked into, the shape is a field."""
        g_key, d_key = jax.random.split(key)
        example = game.Samples(jnp.zeros(self.shape, jnp.float32), {})
        nets = {
            "g": self.g.init(g_key, jnp.zeros((2, self.latent_dim), jnp.float32)),
            "d": self.d.init(d_key, game.seen(self.rules, example)),
        }
        return play.start(self.rules, nets, example)

    def latents(self, keys: jax.Array) -> jax.Array:
        """Latents [len(keys), latent_dim], one for each key."""
        return draws.normal(keys, (self.latent_dim,))

    def generate(
        self, params: PyTree, stats: PyTree, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        """One training sample for each key [B, *shape], and the generator's new statistics."""
        return self.g.apply(params, stats, self.latents(keys), train=True)

    def judge(
        self, params: PyTree, stats: PyTree, values: jax.Array, conditions: PyTree
    ) -> tuple[networks.Critique, PyTree]:
        """What the discriminator says in training, and its new statistics."""
        return self.d.apply(params, stats, values, train=True)

    def d_loss(
        self, params: PyTree, state: State, real: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The discriminator's loss on real [B, *shape] and B generated samples.

        Returns:
          The loss, and its new statistics (from both passes; the generator's are dropped) with the
          metrics.
        """
        return objectives.d_loss(self.rules, params, state, game.Samples(real, {}), keys)

    def g_loss(
        self, params: PyTree, state: State, real: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The generator's loss; ``real`` [B, *shape] serves what compares with real samples.

        Returns:
          The loss, and the generator's new statistics (the discriminator's are dropped) with the
          metrics.
        """
        return objectives.g_loss(self.rules, params, state, game.Samples(real, {}), keys)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """``n_critic`` discriminator updates, then one of the generator, then the average."""
        return play.step(self.rules, state, batch, key)

    def sample(self, state: State, key: jax.Array, n: int, *, averaged: bool = True) -> jax.Array:
        """Samples [n, *shape]; ``averaged=False`` takes the raw weights."""
        params, stats = weights(state.nets["g"], averaged)
        z = self.latents(draws.sample_keys(key, n))
        return self.g.apply(params, stats, z, train=False)[0]

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images [B, *shape] in [-1, 1]."""
        return game.scores(self.rules, state, images)

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        inputs: list[tuple] = [(self.latents(k),) for k in keys]
        return game.recalibrated(self.g, state, inputs, averaged)
