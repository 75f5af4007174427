"""Classifiers that learn beside a GAN, of its discriminator's network, to compare it with."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.base.state import Batch, Metrics, Net
from jaxgan.learning import updates
from jaxgan.learning.player import Player

PyTree = Any


@dataclasses.dataclass(frozen=True)
class Classifiers:
    """Classifiers of one network, each learning from rows of its own.

    Attributes:
      player: the network and its optimizer.
      logits: ``(params, stats, rows) -> (class logits [B, K], stats)`` in training.
      every: steps from one update to the next.
      ema_decay: of the averages of their weights, which classify.
      accumulate: parts of their rows whose gradients are averaged.
    """

    player: Player
    logits: Callable[[PyTree, PyTree, Batch], tuple[jax.Array, PyTree]]
    every: int
    ema_decay: float
    accumulate: int = 1

    def update(
        self, nets: Mapping[str, Net], rows: Mapping[str, Batch], step: jax.Array
    ) -> tuple[dict[str, Net], Metrics]:
        """The classifiers after an update, where one is due, and their losses.

        Args:
          nets: by name.
          rows: for each of them, ``image`` [B, *shape], ``label`` [B], and what else ``logits``
            reads.
          step: the number of steps so far.
        """
        k = self.every

        def loss(params: PyTree, net: Net, rows: Batch) -> tuple[jax.Array, PyTree]:
            logits, stats = self.logits(params, net.stats, rows)
            labels = rows["label"].astype(jnp.int32)
            value = losses.semi_supervised_labelled(logits, labels)
            return value, (stats, value)

        def gradient(net: Net, rows: Batch) -> PyTree:
            return jax.grad(loss, has_aux=True)(net.params, net, rows)

        def once(_: int, carry: tuple[dict[str, Net], Metrics]) -> tuple[dict[str, Net], Metrics]:
            found, metrics = {}, {}
            for name, net in carry[0].items():
                grads, (stats, value) = updates.accumulate(
                    partial(gradient, net), rows[name], self.accumulate
                )
                net = self.player.update(net, grads, stats)[0]
                found[name] = self.player.average(net, self.ema_decay, step // k)
                # So many times as much, and 0 at other steps: the mean over steps is the loss.
                metrics[f"{name}/loss"] = k * value
            return found, metrics

        if k == 1:
            return once(0, (dict(nets), {}))
        # Of the losses' own types, which `shard_map` compares too.
        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(once, 0, (dict(nets), {}))[1])
        # A loop of one round or none, and not `cond`, which copies what it leaves alone.
        due = (step % k == 0).astype(jnp.int32)
        return jax.lax.fori_loop(0, due, once, (dict(nets), nothing))
