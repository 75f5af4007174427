"""The GAN with an auxiliary classifier: D says which class, and both players are paid for it.

Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs" (arXiv:1610.09585),
equations 2 and 3: D maximizes L_S + L_C and G L_C - L_S, with L_S the log-likelihood of the source
(real or generated) and L_C that of the class, on real and on generated samples.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import draws, game, losses, networks, objectives, play, techniques
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, State, weights

PyTree = Any
CLASSES = "classes"


def classified(critique: networks.Critique, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The cross-entropy of D's guess of the classes [B], and the share that it has right."""
    logits = game.head(critique, CLASSES).reshape(len(labels), -1)
    right = jnp.mean(jnp.argmax(logits, axis=-1).astype(labels.dtype) == labels, dtype=jnp.float32)
    return losses.auxiliary_classifier(logits, labels), right


@dataclasses.dataclass(frozen=True)
class ACGAN:
    """A generator that is given labels, and a discriminator that guesses them.

    Generated samples take the labels of the real minibatch beside them, and so follow the data's
    distribution of labels.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise.
      g_optimizer: Optax name, learning rate and arguments.
      d_optimizer: likewise.
      shape: of one sample, filled in from the dataset.
      num_classes: filled in from the dataset.
      loss: of the source, a name in ``jaxgan.losses``; ``'minimax'`` is the paper's equation.
      classifier_weight: of L_C; 1 in the paper.
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
    classifier_weight: float = 1.0
    latent_dim: int = 100
    n_critic: int = 1
    ema_decay: float = 0.999
    techniques: Mapping[str, Any] = techniques.group()
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        game.check(self)
        game.check_labels(self)
        networks.require("discriminator", self.discriminator, "heads")
        if not self.classifier_weight > 0:
            raise ValueError("classifier_weight must be above 0: nothing else tells G the label")

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
        """The discriminator; of a pack it guesses each sample's class."""
        m = techniques.Techniques(**self.techniques).pack
        return game.discriminator(self, heads=((CLASSES, m * self.num_classes),))

    @cached_property
    def rules(self) -> game.Game:
        """How they play."""
        return game.of(
            self,
            self.generate,
            self.judge,
            conditions=game.labels_of,
            d_terms=self.d_terms,
            g_terms=self.g_terms,
        )

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks; ``batch`` is not looked into, the shape is a field."""
        g_key, d_key = jax.random.split(key)
        example = game.Samples(
            jnp.zeros(self.shape, jnp.float32), {"labels": jnp.zeros((), jnp.int32)}
        )
        nets = {
            "g": self.g.init(g_key, jnp.zeros((2, self.latent_dim), jnp.float32), self.cycle(2)),
            "d": self.d.init(d_key, game.seen(self.rules, example)),
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
        """What the discriminator says in training, of source and class, and its statistics."""
        return self.d.apply(params, stats, values, train=True)

    def d_terms(
        self,
        real: networks.Critique,
        fake: networks.Critique,
        real_conditions: PyTree,
        fake_conditions: PyTree,
    ) -> tuple[jax.Array, Metrics]:
        """-L_C, on real and on generated samples."""
        on_real, real_accuracy = classified(real, real_conditions["labels"])
        on_fake, _ = classified(fake, fake_conditions["labels"])
        metrics = {"d/classifier_loss": on_real + on_fake, "d/class_accuracy": real_accuracy}
        return self.classifier_weight * (on_real + on_fake), metrics

    def g_terms(self, fake: networks.Critique, conditions: PyTree) -> tuple[jax.Array, Metrics]:
        """-L_C, on generated samples."""
        loss, accuracy = classified(fake, conditions["labels"])
        metrics = {"g/classifier_loss": loss, "g/class_accuracy": accuracy}
        return self.classifier_weight * loss, metrics

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

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images [B, *shape] in [-1, 1]."""
        return game.scores(self.rules, state, images)

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        inputs: list[tuple] = [(self.latents(k), self.cycle(n)) for k in keys]
        return game.recalibrated(self.g, state, inputs, averaged)
