"""One step of any two-player method: the updates of its players, in the order asked for."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import regularizers
from jaxgan.adversarial import buffers, limited, objectives, vitals
from jaxgan.adversarial.game import Game, Samples
from jaxgan.adversarial.purposes import OfStep, OfUpdate
from jaxgan.base import draws
from jaxgan.base.state import Batch, Metrics, Net, State
from jaxgan.learning import updates

PyTree = Any


class Minibatch(NamedTuple):
    """Real samples, the conditions of as many generated ones, and a key for each."""

    real: Samples
    of_fake: PyTree
    keys: jax.Array


def start(game: Game, nets: dict[str, Net]) -> State:
    """The state before the first step."""
    extras = limited.start(game)
    if size := game.common.techniques.replay:
        example = Samples(jnp.zeros(game.common.shape, jnp.float32), game.example)
        extras[game.extra("replay")] = buffers.replay_init(size, example)
    if game.common.techniques.historical_averaging:
        for name in game.names:
            # A copy: a buffer that stands twice in a donated state could be given away only once.
            params = jax.tree.map(jnp.copy, nets[name].params)
            extras[f"{name}_history"] = regularizers.historical_average_init(params)
    return State(jnp.zeros((), jnp.int32), nets, extras)


def step(game: Game, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
    """``n_critic`` updates of D, each on a minibatch of its own, then one of G, then the average.

    Under another update rule than ``'alternating'`` both updates start from ``state``.

    Args:
      game: the players and how they play.
      state: as ``start`` or the step before left it.
      batch: ``image`` [n_critic * B, ...], and what ``of_real`` and ``of_fake`` read.
      key: this step's.
    """
    common, (g, d) = game.common, game.names
    keys = draws.sample_keys(key, batch["image"].shape[0], common.axis_name)
    of_real = game.of_real(batch, keys)
    of_fake = of_real if game.of_fake is None else game.of_fake(batch, keys)
    whole = Minibatch(Samples(batch["image"], of_real), of_fake, keys)
    minibatches = updates.split(whole, common.n_critic)
    last = jax.tree.map(lambda x: x[-1], minibatches)
    if common.techniques.update_rule == "alternating":
        state, d_metrics = updates.repeat(partial(d_update, game), state, minibatches)
        state = refresh(game, state, minibatches)
        state, g_metrics = g_update(game, state, last)
        return replace(state, step=state.step + 1), rename(game, {**d_metrics, **g_metrics})
    after_d, d_metrics = d_update(game, state, last)
    after_g, g_metrics = g_update(game, state, last)
    metrics = {**d_metrics, **g_metrics}
    if common.techniques.update_rule == "loser":
        behind = metrics["d/deficit"]
        if common.axis_name is not None:
            behind = jax.lax.pmean(behind, common.axis_name)
        after_d = _where(behind > 0, after_d, state)
        after_g = _where(behind > 0, state, after_g)
        metrics["d/updated"] = (behind > 0).astype(jnp.float32)
    nets = {**state.nets, d: after_d.nets[d], g: after_g.nets[g]}
    history = {k: v for k, v in after_g.extras.items() if k == f"{g}_history"}
    extras = {**after_d.extras, **history}
    return State(state.step + 1, nets, extras), rename(game, metrics)


def rename(game: Game, metrics: Metrics) -> Metrics:
    """Metrics of 'g' and 'd' under the names that the players have."""
    names = dict(zip("gd", game.names, strict=True))
    return {
        f"{names.get(player, player)}/{quantity}": value
        for (player, _, quantity), value in ((k.partition("/"), v) for k, v in metrics.items())
    }


def d_update(game: Game, state: State, minibatch: Minibatch) -> tuple[State, Metrics]:
    """One update of the discriminator."""
    name, t, axis_name = game.names[1], game.common.techniques, game.common.axis_name
    keys, extras = draws.fold(minibatch.keys, OfStep.D_UPDATE), state.extras
    fake = objectives.fakes(game, state, minibatch.of_fake, keys)
    # The last of them, where a sample has several images.
    made = fake.values[..., -game.common.shape[-1] :]
    diversity = vitals.diversity(minibatch.real.values, made, axis_name)
    real, nearby = minibatch.real, None
    if t.augment == "apa":
        more = draws.fold(keys, OfUpdate.PSEUDO)
        real = limited.mix(
            game, state, real, objectives.fakes(game, state, minibatch.of_fake, more), keys
        )
    if t.perturbs_latents:
        nearby = objectives.fakes(game, state, minibatch.of_fake, keys, nearby=True)
    if t.replay:
        fake, buffer = buffers.replay_query(
            draws.fold(keys, OfUpdate.REPLAY),
            extras[game.extra("replay")],
            fake,
            probability=t.replay_share,
            axis_name=axis_name,
        )
        extras = {**extras, game.extra("replay"): buffer}
    grad = jax.grad(partial(objectives.critic_loss, game), has_aux=True)
    grads, (stats, metrics) = updates.accumulate(
        lambda part: grad(state.nets[name].params, state, *part),
        (real, fake, keys, nearby),
        game.common.accumulate,
    )
    extras = limited.remember(game, state, extras, metrics, len(keys))
    net, norm = objectives.d_move(game, state.nets[name], grads, stats)
    extras = _remember(extras, name, net)
    state = replace(state, nets={**state.nets, name: net}, extras=extras)
    return state, {**metrics, "d/grad_norm": norm, "g/diversity": diversity}


def g_update(game: Game, state: State, minibatch: Minibatch) -> tuple[State, Metrics]:
    """One update of the generator and of its average."""
    name = game.names[0]
    keys, net = draws.fold(minibatch.keys, OfStep.G_UPDATE), state.nets[name]
    grad = jax.grad(partial(objectives.g_loss, game), has_aux=True)
    grads, (stats, metrics) = updates.accumulate(
        lambda part: grad(net.params, state, *part),
        (minibatch.real, minibatch.of_fake, keys),
        game.common.accumulate,
    )
    net, norm = game.g.update(net, grads, stats)
    if game.decay is None:
        net = game.g.average(net, game.common.ema_decay, state.step, game.common.ema_start)
    else:
        devices = 1 if game.common.axis_name is None else jax.lax.axis_size(game.common.axis_name)
        net = game.g.move_average(net, game.decay(state.step, len(minibatch.keys) * devices))
    extras = _remember(state.extras, name, net)
    state = replace(state, nets={**state.nets, name: net}, extras=extras)
    return state, {**metrics, "g/grad_norm": norm}


def refresh(game: Game, state: State, minibatches: Minibatch) -> State:
    """More updates of D at every ``d_refresh_every``-th step: on the same real samples."""
    t = game.common.techniques
    every, count = t.d_refresh_every, t.d_refresh_steps
    if not every:
        return state

    def again(state: State, j: jax.Array) -> tuple[State, Metrics]:
        minibatch = jax.tree.map(lambda x: x[j % game.common.n_critic], minibatches)
        keys = jax.vmap(jax.random.fold_in, (0, None))(
            draws.fold(minibatch.keys, OfStep.REFRESH), j
        )
        return d_update(game, state, minibatch._replace(keys=keys))

    def more(state: State) -> State:
        return updates.repeat(again, state, jnp.arange(count, dtype=jnp.int32))[0]

    return jax.lax.cond((state.step + 1) % every == 0, more, lambda state: state, state)


def _remember(extras: dict[str, PyTree], name: str, net: Net) -> dict[str, PyTree]:
    """The extras with a player's new parameters in its history, where one is kept."""
    key = f"{name}_history"
    if key not in extras:
        return extras
    return {**extras, key: regularizers.historical_average_update(extras[key], net.params)}


def _where(condition: jax.Array, yes: PyTree, no: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
