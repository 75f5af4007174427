"""One step of any adversarial method: the updates of its players, in the order asked for."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import buffers, draws, objectives, regularizers, updates
from jaxgan.game import Game, Minibatch, Samples
from jaxgan.state import Batch, Metrics, Net, State

PyTree = Any

# What a sample's key is folded with, for whose update.
D_UPDATE, G_UPDATE, REFRESH = range(3)


def start(rules: Game, nets: dict[str, Net], example: Samples) -> State:
    """The state before the first step; ``example`` is one sample, without a batch axis."""
    extras: dict[str, PyTree] = {}
    if rules.techniques.replay:
        extras["replay"] = buffers.replay_init(rules.techniques.replay, example)
    if rules.techniques.historical_averaging:
        for name in ("d", "g"):
            # A copy: a buffer that stands twice in a donated state could be given away only once.
            params = jax.tree.map(jnp.copy, nets[name].params)
            extras[f"{name}_history"] = regularizers.historical_average_init(params)
    return State(jnp.zeros((), jnp.int32), nets, extras)


def step(rules: Game, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
    """``n_critic`` updates of D, each on a minibatch of its own, then one of G, then the average.

    Under another update rule than ``'alternating'`` both updates start from ``state``.

    Args:
      rules: the players and how they play.
      state: as ``start`` or the step before left it.
      batch: ``image`` [n_critic * B, ...], and what ``conditions`` reads.
      key: this step's.
    """
    keys = draws.sample_keys(key, batch["image"].shape[0], rules.axis_name)
    whole = Minibatch(Samples(batch["image"], rules.conditions(batch, keys)), keys)
    minibatches = updates.split(whole, rules.n_critic)
    last = jax.tree.map(lambda x: x[-1], minibatches)
    if rules.techniques.update_rule == "alternating":
        state, d_metrics = updates.repeat(partial(d_update, rules), state, minibatches)
        state = refresh(rules, state, minibatches)
        state, g_metrics = g_update(rules, state, last)
        return replace(state, step=state.step + 1), {**d_metrics, **g_metrics}
    after_d, d_metrics = d_update(rules, state, last)
    after_g, g_metrics = g_update(rules, state, last)
    metrics = {**d_metrics, **g_metrics}
    if rules.techniques.update_rule == "loser":
        behind = metrics["d/deficit"]
        if rules.axis_name is not None:
            behind = jax.lax.pmean(behind, rules.axis_name)
        after_d = _where(behind > 0, after_d, state)
        after_g = _where(behind > 0, state, after_g)
        metrics["d/updated"] = (behind > 0).astype(jnp.float32)
    nets = {**state.nets, "d": after_d.nets["d"], "g": after_g.nets["g"]}
    history = {k: v for k, v in after_g.extras.items() if k == "g_history"}
    return State(state.step + 1, nets, {**after_d.extras, **history}), metrics


def d_update(rules: Game, state: State, minibatch: Minibatch) -> tuple[State, Metrics]:
    """One update of the discriminator."""
    keys, extras = draws.fold(minibatch.keys, D_UPDATE), state.extras
    fake = objectives.fakes(rules, state, minibatch.real.conditions, keys)
    if rules.techniques.replay:
        fake, buffer = buffers.replay_query(
            draws.fold(keys, objectives.REPLAY),
            extras["replay"],
            fake,
            probability=rules.techniques.replay_share,
            axis_name=rules.axis_name,
        )
        extras = {**extras, "replay": buffer}
    grad = jax.grad(partial(objectives.critic_loss, rules), has_aux=True)
    grads, (stats, metrics) = grad(state.nets["d"].params, state, minibatch.real, fake, keys)
    net, norm = objectives.d_move(rules, state.nets["d"], grads, stats)
    extras = _remember(extras, "d", net)
    state = replace(state, nets={**state.nets, "d": net}, extras=extras)
    return state, {**metrics, "d/grad_norm": norm}


def g_update(rules: Game, state: State, minibatch: Minibatch) -> tuple[State, Metrics]:
    """One update of the generator and of its average."""
    keys, net = draws.fold(minibatch.keys, G_UPDATE), state.nets["g"]
    grad = jax.grad(partial(objectives.g_loss, rules), has_aux=True)
    grads, (stats, metrics) = grad(net.params, state, minibatch.real, keys)
    net, norm = rules.g.update(net, grads, stats)
    net = rules.g.average(net, rules.ema_decay, state.step)
    extras = _remember(state.extras, "g", net)
    state = replace(state, nets={**state.nets, "g": net}, extras=extras)
    return state, {**metrics, "g/grad_norm": norm}


def refresh(rules: Game, state: State, minibatches: Minibatch) -> State:
    """More updates of D at every ``d_refresh_every``-th step: on the same real samples."""
    every, count = rules.techniques.d_refresh_every, rules.techniques.d_refresh_steps
    if not every:
        return state

    def again(state: State, j: jax.Array) -> tuple[State, Metrics]:
        minibatch = jax.tree.map(lambda x: x[j % rules.n_critic], minibatches)
        keys = jax.vmap(jax.random.fold_in, (0, None))(draws.fold(minibatch.keys, REFRESH), j)
        return d_update(rules, state, minibatch._replace(keys=keys))

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
