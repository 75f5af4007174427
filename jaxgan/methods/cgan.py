"""The class-conditional GAN: both players are told the label.

Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), equation 2.
How they are told is the networks' field ``conditioning``: the one-hot label beside their inputs as
in the paper, a label's vector times their inputs, or conditional batch norm and a projection
(Miyato and Koyama 2018, "cGANs with Projection Discriminator", arXiv:1802.05637, equation 3).
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
class CGAN:
    """A generator and a discriminator that are both given labels.

    Generated samples take the labels of the real minibatch beside them, and so follow the data's
    distribution of labels.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise.
      g_optimizer: Optax name, learning rate and arguments.
      d_optimizer: likewise.
      shape: of one sample, filled in from the dataset.
      num_classes: filled in from the dataset.
      loss: a name in ``jaxgan.losses``.
      latent_dim: length of z, drawn from N(0, I).
      n_critic: discriminator updates before each generator update, each on a minibatch of its own.
      ema_decay: of the generator's moving average; 0 keeps none.
      techniques: switches that stabilize, see ``techniques``.
      axis_name: the mapped axis over which the batch is split, set by ``parallel``.
    """

    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    g_optimizer: Mapping[str, Any]
    d_optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    num_classes: int
    loss: str = "non_saturating"
    latent_dim: int = 100
    n_critic: int = 1
    ema_decay: float = 0.999
    techniques: Mapping[str, Any] = techniques.group()
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        game.check(self)
        game.check_labels(self)
        networks.require("discriminator", self.discriminator, "num_classes")

    @property
    def minibatches(self) -> int:
        """Minibatches of real samples that one step consumes."""
        return self.n_critic

    @cached_property
    def g(self) -> Player:
        """The generator."""
        return game.generator(self, num_classes=self.num_classes)

    @cached_property
    def d(self) -> Player:
        """The discriminator."""
        return game.discriminator(self, num_classes=self.num_classes)

    @cached_property
    def rules(self) -> game.Game:
        """How they play."""
        return game.of(self, self.generate, self.judge, conditions=game.labels_of)

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks; ``batch`` is not looked into, the shape is a field."""
        g_key, d_key = jax.random.split(key)
        example = game.Samples(
            jnp.zeros(self.shape, jnp.float32), {"labels": jnp.zeros((), jnp.int32)}
        )
        m = self.rules.techniques.pack
        together = techniques.in_packs(self.cycle(2 * m), m)
        nets = {
            "g": self.g.init(g_key, jnp.zeros((2, self.latent_dim), jnp.float32), self.cycle(2)),
            "d": self.d.init(d_key, game.seen(self.rules, example), together),
        }
        return play.start(self.rules, nets, example)

    def latents(self, keys: jax.Array) -> jax.Array:
        """Latents [len(keys), latent_dim], one for each key."""
        return draws.normal(keys, (self.latent_dim,))

    def cycle(self, n: int) -> jax.Array:
        """Labels int32 [n]: each class in turn."""
        return jnp.arange(n, dtype=jnp.int32) % self.num_classes

    def generate(
        self, params: PyTree, stats: PyTree, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        """One training sample [B, *shape] for each key and label, and G's new statistics."""
        return self.g.apply(params, stats, self.latents(keys), conditions["labels"], train=True)

    def judge(
        self, params: PyTree, stats: PyTree, values: jax.Array, conditions: PyTree
    ) -> tuple[networks.Critique, PyTree]:
        """What the discriminator says of samples under their labels, and its new statistics."""
        return self.d.apply(params, stats, values, conditions["labels"], train=True)

    def d_loss(
        self, params: PyTree, state: State, real: jax.Array, labels: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The discriminator's loss on real [B, *shape] of ``labels`` [B] and as many generated."""
        samples = game.Samples(real, {"labels": labels})
        return objectives.d_loss(self.rules, params, state, samples, keys)

    def g_loss(
        self, params: PyTree, state: State, real: jax.Array, labels: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The generator's loss; ``real`` [B, *shape] serves what compares with real samples."""
        samples = game.Samples(real, {"labels": labels})
        return objectives.g_loss(self.rules, params, state, samples, keys)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """``n_critic`` discriminator updates, then one of the generator, then the average."""
        return play.step(self.rules, state, batch, key)

    def sample(
        self,
        state: State,
        key: jax.Array,
        n: int,
        *,
        labels: jax.Array | None = None,
        averaged: bool = True,
    ) -> jax.Array:
        """Samples [n, *shape] of ``labels`` [n], or one label for all, or each class in turn."""
        params, stats = weights(state.nets["g"], averaged)
        z = self.latents(draws.sample_keys(key, n))
        labels = self.cycle(n) if labels is None else jnp.broadcast_to(jnp.asarray(labels), (n,))
        return self.g.apply(params, stats, z, labels, train=False)[0]

    def scores(self, state: State, images: jax.Array, labels: jax.Array | None = None) -> jax.Array:
        """The logits [B] of images [B, *shape] under ``labels`` [B].

        Without them each image gets the highest logit that it has under any label; those of a pack
        get it under a label that they share.
        """

        def under(labels: jax.Array) -> jax.Array:
            return game.scores(self.rules, state, images, labels)

        if labels is not None:
            return under(labels)
        each = jnp.arange(self.num_classes, dtype=jnp.int32)
        every = jax.lax.map(lambda label: under(jnp.full(images.shape[:1], label)), each)
        return every.max(axis=0)

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        inputs: list[tuple] = [(self.latents(k), self.cycle(n)) for k in keys]
        return game.recalibrated(self.g, state, inputs, averaged)
