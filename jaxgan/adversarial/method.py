"""From a game to the method that the loop runs: what every two-player variant does alike."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.adversarial import game as rules
from jaxgan.adversarial.game import Game
from jaxgan.adversarial.packing import in_packs
from jaxgan.adversarial.step import start, step
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import Batch, State, weights, with_stats

PyTree = Any


def method(game: Game) -> Method:
    """The method of a game of two players."""
    return Method(
        init=partial(init, game),
        step=partial(step, game),
        latents=partial(latents, game),
        generate=partial(generate, game),
        minibatches=game.common.n_critic,
        entries=game.entries,
        conditions=game.conditions,
        choices=game.choices,
        scores=partial(scores, game),
        recalibrate=partial(recalibrate, game),
    )


def init(game: Game, key: jax.Array, batch: Batch) -> State:
    """Fresh networks; the batch is not looked into, the shape is a field."""
    (g, d), (g_key, d_key) = game.names, jax.random.split(key)
    return start(game, {g: init_generator(game, g_key), d: init_discriminator(game, d_key)})


def init_generator(game: Game, key: jax.Array) -> Any:
    """A fresh generator, made on two samples."""
    z = game.latents(game, draws.sample_keys(key, 2))
    return game.g.init(key, *game.g_inputs(z, examples(game, 2)))


def init_discriminator(game: Game, key: jax.Array) -> Any:
    """A fresh discriminator, made on two packs of zeros."""
    m, shape = game.common.techniques.pack, game.common.shape
    shown = jax.eval_shape(game.shown, jax.ShapeDtypeStruct((2, *shape), jnp.float32)).shape
    packs = jnp.zeros((*shown[:-1], m * shown[-1]), jnp.float32)
    return game.d.init(key, packs, *game.d_inputs(in_packs(examples(game, 2 * m), m)))


def examples(game: Game, n: int) -> PyTree:
    """The conditions of n samples, for their shapes."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape)), game.example)


def latents(game: Game, key: jax.Array, n: int) -> PyTree:
    """The z of n samples; or ``{'z': z, ...}`` with the conditions that are drawn beside it."""
    keys = draws.sample_keys(key, n)
    z, drawn = game.latents(game, keys), game.drawn(keys)
    return {"z": z, **drawn} if drawn else z


def check_asked(asked: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuses conditions that samples are not drawn by.

    Raises:
      ValueError: naming one.
    """
    for name in set(asked) - set(known):
        takes = ", ".join(known) or "nothing"
        raise ValueError(f"samples are not drawn by {name!r}; they are by: {takes}")


def generate(
    game: Game, state: State, latents: PyTree, *, averaged: bool = True, **conditions: Any
) -> jax.Array:
    """Samples [n, *shape] of latents; ``averaged=False`` takes the raw weights.

    Raises:
      ValueError: for a condition that samples are not drawn by.
    """
    check_asked(conditions, game.conditions)
    z, drawn = latents, {}
    if isinstance(latents, dict) and "z" in latents:
        drawn = {name: value for name, value in latents.items() if name != "z"}
        z = latents["z"]
    n = jax.tree.leaves(z)[0].shape[0]
    params, stats = weights(state.nets[game.names[0]], averaged)
    given = game.given(drawn, conditions, n)
    return rules.generate(game, params, stats, z, given, train=False)[0]


def scores(game: Game, state: State, samples: jax.Array, labels: Any = None) -> jax.Array:
    """One logit [B] of D for each of the samples [B, ...]; a pack has one for all.

    Where D is told labels: under ``labels`` [B]; without them each sample gets the highest logit
    that it has under any label, those of a pack under a label that they share.
    """

    def under(conditions: PyTree) -> jax.Array:
        logits = rules.look(game, state, samples, conditions).logits
        per_pack = logits.reshape(len(logits), -1).mean(axis=1)
        return jnp.repeat(per_pack, game.common.techniques.pack)[: len(samples)]

    if not game.judged_by:
        return under({})
    if labels is not None:
        return under({"labels": labels})
    each = jnp.arange(game.judged_by, dtype=jnp.int32)
    label = lambda k: jnp.full(samples.shape[:1], k)  # noqa: E731
    return jax.lax.map(lambda k: under({"labels": label(k)}), each).max(axis=0)


def recalibrate(
    game: Game, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
) -> State:
    """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
    name = game.names[0]
    inputs: list[tuple] = []
    for i in range(batches):
        keys = draws.sample_keys(jax.random.fold_in(key, i), n)
        z, drawn = game.latents(game, keys), game.drawn(keys)
        inputs.append(game.g_inputs(z, game.given(drawn, {}, n)))
    net = state.nets[name]
    params, stats = weights(net, averaged)
    renewed = with_stats(net, game.g.standing(params, stats, inputs), averaged)
    return dataclasses.replace(state, nets={**state.nets, name: renewed})
