"""The two-player GAN, its adversarial loss chosen by name.

Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661): Algorithm 1, with the value
function of equation 1 for ``loss='minimax'`` and section 3's non-saturating generator by default.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import draws, losses, networks, optimizers, updates, vitals
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, State, weights, with_stats

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
      label_smoothing: the real label is 1 minus this (one-sided; Salimans et al. 2016, 3.4).
      ema_decay: of the generator's moving average; 0 keeps none.
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
    label_smoothing: float = 0.0
    ema_decay: float = 0.999
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        losses.adversarial(self.loss)
        if self.latent_dim < 1 or self.n_critic < 1:
            raise ValueError("latent_dim and n_critic must be at least 1")
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.ema_decay < 1:
            raise ValueError("label_smoothing and ema_decay must be in [0, 1)")
        if self.label_smoothing and self.loss not in losses.LABELLED:
            raise ValueError(
                f"label_smoothing needs a loss with labels ({', '.join(losses.LABELLED)}), "
                f"{self.loss} has none"
            )

    @property
    def minibatches(self) -> int:
        """Minibatches of real samples that one step consumes."""
        return self.n_critic

    @cached_property
    def g(self) -> Player:
        """The generator."""
        module = networks.build(
            "generator", self.generator, shape=self.shape, axis_name=self.axis_name
        )
        optimizer = optimizers.build(self.g_optimizer)
        return Player(module, optimizer, self.ema_decay > 0, self.axis_name)

    @cached_property
    def d(self) -> Player:
        """The discriminator."""
        module = networks.build("discriminator", self.discriminator, axis_name=self.axis_name)
        return Player(module, optimizers.build(self.d_optimizer), axis_name=self.axis_name)

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks; ``batch`` is not looked into, the shape is a field."""
        g_key, d_key = jax.random.split(key)
        nets = {
            "g": self.g.init(g_key, jnp.zeros((2, self.latent_dim))),
            "d": self.d.init(d_key, jnp.zeros((2, *self.shape))),
        }
        return State(jnp.zeros((), jnp.int32), nets, {})

    def latents(self, keys: jax.Array) -> jax.Array:
        """Latents [len(keys), latent_dim], one for each key."""
        return draws.normal(keys, (self.latent_dim,))

    def d_loss(
        self, params: PyTree, state: State, real: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The discriminator's loss on real [B, *shape] and B generated samples.

        Returns:
          The loss, and its new statistics (from both passes; the generator's are dropped) with the
          metrics.
        """
        g, d = state.nets["g"], state.nets["d"]
        fake, _ = self.g.apply(g.params, g.stats, self.latents(keys), train=True)
        fake = jax.lax.stop_gradient(fake)
        # Two passes, as in the authors' code: batch norm sees real and generated samples apart.
        real_logits, stats = self.d.apply(params, d.stats, real, train=True)
        fake_logits, stats = self.d.apply(params, stats, fake, train=True)
        labels = {"real_label": 1 - self.label_smoothing} if self.label_smoothing else {}
        loss = losses.adversarial(self.loss).discriminator(
            real_logits, fake_logits, axis_name=self.axis_name, **labels
        )
        metrics = {
            "d/loss": loss,
            "g/diversity": vitals.diversity(real, fake, self.axis_name),
            **vitals.accuracies(self.loss, real_logits, fake_logits),
        }
        return loss, (stats, metrics)

    def g_loss(
        self, params: PyTree, state: State, real: jax.Array, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The generator's loss; ``real`` [B, *shape] serves the relativistic losses.

        Returns:
          The loss, and the generator's new statistics (the discriminator's are dropped) with the
          metrics.
        """
        g, d = state.nets["g"], state.nets["d"]
        fake, stats = self.g.apply(params, g.stats, self.latents(keys), train=True)
        fake_logits, _ = self.d.apply(d.params, d.stats, fake, train=True)
        real_logits = None
        if self.loss.startswith("relativistic"):
            real_logits, _ = self.d.apply(d.params, d.stats, real, train=True)
        loss = losses.adversarial(self.loss).generator(
            fake_logits, real_logits, axis_name=self.axis_name
        )
        return loss, (stats, {"g/loss": loss})

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """``n_critic`` discriminator updates, then one of the generator, then the average."""

        def d_update(state: State, minibatch: tuple[jax.Array, jax.Array]) -> tuple[State, Metrics]:
            real, keys = minibatch
            net = state.nets["d"]
            grad = jax.grad(self.d_loss, has_aux=True)
            grads, (stats, metrics) = grad(net.params, state, real, draws.fold(keys, 0))
            net, norm = self.d.update(net, grads, stats)
            return replace(state, nets={**state.nets, "d": net}), {**metrics, "d/grad_norm": norm}

        keys = draws.sample_keys(key, batch["image"].shape[0], self.axis_name)
        minibatches = updates.split((batch["image"], keys), self.n_critic)
        state, d_metrics = updates.repeat(d_update, state, minibatches)

        real, keys = jax.tree.map(lambda x: x[-1], minibatches)
        net = state.nets["g"]
        grad = jax.grad(self.g_loss, has_aux=True)
        grads, (stats, g_metrics) = grad(net.params, state, real, draws.fold(keys, 1))
        net, norm = self.g.update(net, grads, stats)
        net = self.g.average(net, self.ema_decay, state.step)
        state = State(state.step + 1, {**state.nets, "g": net}, state.extras)
        return state, {**d_metrics, **g_metrics, "g/grad_norm": norm}

    def sample(self, state: State, key: jax.Array, n: int, *, averaged: bool = True) -> jax.Array:
        """Samples [n, *shape]; ``averaged=False`` takes the raw weights."""
        params, stats = weights(state.nets["g"], averaged)
        z = self.latents(draws.sample_keys(key, n))
        return self.g.apply(params, stats, z, train=False)[0]

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images [B, *shape] in [-1, 1]."""
        net = state.nets["d"]
        return self.d.apply(net.params, net.stats, images, train=False)[0]

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        net = state.nets["g"]
        params, stats = weights(net, averaged)
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        stats = self.g.standing(params, stats, [(self.latents(k),) for k in keys])
        return replace(state, nets={**state.nets, "g": with_stats(net, stats, averaged)})
