"""What an adversarial method is made of: two players, and the pure functions by which they play.

``objectives`` has the losses of a ``Game`` and ``play`` its step. They are free functions: nothing
is inherited, and any can be called alone.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import losses, networks, optimizers, techniques
from jaxgan.networks import Critique
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, State, weights, with_stats
from jaxgan.techniques import Techniques, in_packs, pack

PyTree = Any
Terms = tuple[jax.Array, Metrics]
Generate = Callable[[PyTree, PyTree, PyTree, jax.Array], tuple[jax.Array, PyTree]]
Judge = Callable[[PyTree, PyTree, jax.Array, PyTree], tuple[Critique, PyTree]]

DEFAULTS = Techniques()


class Samples(NamedTuple):
    """Samples and what they are made or judged under.

    Attributes:
      values: [B, ...].
      conditions: any tree of arrays [B, ...]: ``{}``, or ``{'labels': [B]}``.
    """

    values: jax.Array
    conditions: PyTree


class Minibatch(NamedTuple):
    """Real samples, and a key for each."""

    real: Samples
    keys: jax.Array


def no_conditions(batch: Batch, keys: jax.Array) -> PyTree:
    """The conditions of a method that has none."""
    return {}


@dataclasses.dataclass(frozen=True)
class Game:
    """Two players and the rules they play by.

    Attributes:
      g: the generator.
      d: the discriminator.
      generate: ``(params, stats, conditions, keys) -> (values, stats)``, one sample for each key.
      judge: ``(params, stats, values, conditions) -> (Critique, stats)``; of packs of m samples
        where ``techniques.pack`` asks for them: values [B/m, ..., m C], conditions [B/m, m, ...].
      loss: a name in ``jaxgan.losses``.
      techniques: the switches.
      n_critic: D's updates before each of G's.
      ema_decay: of G's moving average.
      axis_name: the mapped axis over which the batch is split.
      conditions: ``(batch, keys) -> conditions`` of real samples, and of those generated beside
        them.
      d_terms: ``(real critique, fake critique, real's conditions, fake's) -> (loss, metrics)``,
        added to D's adversarial loss.
      g_terms: ``(fake critique, conditions) -> (loss, metrics)``, added to G's.
    """

    g: Player
    d: Player
    generate: Generate
    judge: Judge
    loss: str
    techniques: Techniques = DEFAULTS
    n_critic: int = 1
    ema_decay: float = 0.0
    axis_name: str | None = None
    conditions: Callable[[Batch, jax.Array], PyTree] = no_conditions
    d_terms: Callable[[Critique, Critique, PyTree, PyTree], Terms] | None = None
    g_terms: Callable[[Critique, PyTree], Terms] | None = None


def check(method: Any) -> None:
    """Refuses fields of an adversarial method that no run can have.

    Args:
      method: a dataclass with ``loss``, ``latent_dim``, ``n_critic``, ``ema_decay``,
        ``techniques`` and ``discriminator``.

    Raises:
      ValueError: naming the fields.
    """
    losses.adversarial(method.loss)
    if method.latent_dim < 1 or method.n_critic < 1:
        raise ValueError("latent_dim and n_critic must be at least 1")
    if not 0 <= method.ema_decay < 1:
        raise ValueError("ema_decay must be in [0, 1)")
    switches = Techniques(**method.techniques)
    techniques.check(switches, method.loss, method.n_critic, method.discriminator)


def check_labels(method: Any) -> None:
    """Refuses fields of a method that is conditional on ``num_classes`` labels.

    Raises:
      ValueError: naming the fields.
      UserError: if the generator takes no labels.
    """
    if method.num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {method.num_classes}")
    networks.require("generator", method.generator, "num_classes")


def labels_of(batch: Batch, keys: jax.Array) -> PyTree:
    """The conditions of a method that is conditional on the label alone."""
    if "label" not in batch:
        raise ValueError("the method needs labels, and the batch has none")
    return {"labels": batch["label"].astype(jnp.int32)}


def generator(method: Any, **given: Any) -> Player:
    """The generator of a method with the usual fields, see ``check``.

    Args:
      method: with ``generator``, ``g_optimizer``, ``shape`` and ``axis_name`` too.
      **given: what else the network is given, see ``networks.build``.
    """
    module = networks.build(
        "generator", method.generator, shape=method.shape, axis_name=method.axis_name, **given
    )
    optimizer = optimizers.build(method.g_optimizer)
    return Player(module, optimizer, method.ema_decay > 0, method.axis_name)


def discriminator(method: Any, *, averaged: bool = False, **given: Any) -> Player:
    """The discriminator likewise; ``averaged``: with a moving average of its weights."""
    module = networks.build(
        "discriminator", method.discriminator, axis_name=method.axis_name, **given
    )
    return Player(module, optimizers.build(method.d_optimizer), averaged, method.axis_name)


def recalibrated(g: Player, state: State, inputs: list[tuple], averaged: bool) -> State:
    """The state with the generator's batch statistics renewed over batches of its inputs."""
    net = state.nets["g"]
    params, stats = weights(net, averaged)
    renewed = with_stats(net, g.standing(params, stats, inputs), averaged)
    return dataclasses.replace(state, nets={**state.nets, "g": renewed})


def of(method: Any, generate: Generate, judge: Judge, **more: Any) -> Game:
    """The game of a method with the usual fields, see ``check``.

    Args:
      method: with ``g`` and ``d`` too.
      generate: as in ``Game``.
      judge: as in ``Game``.
      **more: other fields of ``Game``.
    """
    return Game(
        g=method.g,
        d=method.d,
        generate=generate,
        judge=judge,
        loss=method.loss,
        techniques=Techniques(**method.techniques),
        n_critic=method.n_critic,
        ema_decay=method.ema_decay,
        axis_name=method.axis_name,
        **more,
    )


def seen(game: Game, example: Samples) -> jax.Array:
    """Two zeros of the shape in which D sees samples like ``example``, which has no batch axis."""
    m = game.techniques.pack
    shape = (2, *example.values.shape[:-1], m * example.values.shape[-1])
    return jnp.zeros(shape, example.values.dtype)


def judged(
    game: Game, params: PyTree, stats: PyTree, values: jax.Array, conditions: PyTree
) -> tuple[Critique, PyTree]:
    """What D says of samples as it sees them, and its new statistics.

    Args:
      game: the players.
      params: D's.
      stats: D's.
      values: [B/m, ..., m C], packed already.
      conditions: [B, ...], one for each sample.

    Raises:
      ValueError: if it does not return a ``Critique``.
    """
    together = in_packs(conditions, game.techniques.pack)
    critique, stats = game.judge(params, stats, values, together)
    if not isinstance(critique, Critique):
        raise ValueError(
            "a discriminator must return a jaxgan.networks.Critique, and this one returns "
            f"{type(critique).__name__}"
        )
    return critique, stats


def look(game: Game, state: State, samples: jax.Array, *conditions: jax.Array) -> Critique:
    """What D says, outside training, of samples [B, ...] in packs of m: ceil(B / m) rows.

    Args:
      game: the players.
      state: of training.
      samples: [B, ...]; the first ones again fill the last pack.
      *conditions: [B, ...] each, what D is told of the samples.
    """
    net, m = state.nets["d"], game.techniques.pack
    if len(samples) % m:
        places = jnp.arange(-(-len(samples) // m) * m) % len(samples)
        samples, conditions = jax.tree.map(lambda x: x[places], (samples, conditions))
    together = in_packs(conditions, m)
    return game.d.apply(net.params, net.stats, pack(samples, m), *together, train=False)[0]


def scores(game: Game, state: State, samples: jax.Array, *conditions: jax.Array) -> jax.Array:
    """One logit [B] for each of the samples [B, ...], see ``look``; a pack has one for all."""
    logits = look(game, state, samples, *conditions).logits
    per_pack = logits.reshape(len(logits), -1).mean(axis=1)
    return jnp.repeat(per_pack, game.techniques.pack)[: len(samples)]


def head(critique: Critique, name: str) -> jax.Array:
    """An output of D's beside the logits.

    Raises:
      ValueError: if it has none of that name.
    """
    if name not in critique.heads:
        raise ValueError(f"the discriminator has no head {name!r}; take a network with `heads`")
    return critique.heads[name]
