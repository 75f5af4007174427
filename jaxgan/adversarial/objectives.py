"""The losses of any adversarial method, with every technique asked for."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses, regularizers
from jaxgan.adversarial import game as rules
from jaxgan.adversarial import limited, penalties, sight, vitals
from jaxgan.adversarial.game import Game, Samples, Terms
from jaxgan.adversarial.packing import pack
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws
from jaxgan.base.state import Metrics, Net, State
from jaxgan.learning import updates

PyTree = Any

# Below this a squared gradient is zero in float32, and the slope of its root infinite.
SMALLEST_GRADIENT = 1e-12


def fakes(
    game: Game, state: State, conditions: PyTree, keys: jax.Array, *, nearby: bool = False
) -> Samples:
    """One generated sample for each key, as data; the generator's new statistics are dropped.

    ``nearby``: of latents beside those that the keys have else.
    """
    g = state.nets[game.names[0]]

    def generate(part: tuple[PyTree, jax.Array]) -> jax.Array:
        z = game.latents(game, draws.fold(part[1], OfUpdate.LATENT))
        z = limited.perturb(game, z, part[1]) if nearby else z
        return rules.generate(game, g.params, g.stats, z, part[0], train=True)[0]

    values = updates.in_parts(generate, (conditions, keys), game.common.accumulate)
    return jax.lax.stop_gradient(Samples(values, conditions))


def critic_loss(
    game: Game,
    params: PyTree,
    state: State,
    real: Samples,
    fake: Samples,
    keys: jax.Array,
    nearby: Samples | None = None,
) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
    """The discriminator's loss on real and generated samples, and on those of latents nearby.

    Returns:
      The loss, and D's new statistics (from both passes, none from penalties) with the metrics.
    """
    common, t, stats = game.common, game.common.techniques, state.nets[game.names[1]].stats
    views = sight.views(game, state, keys, real.values, fake.values)
    real_seen, fake_seen = views.real(real.values), views.fake(fake.values)
    # Two passes: batch norm sees real and generated samples apart.
    real_packs, fake_packs = pack(real_seen, t.pack), pack(fake_seen, t.pack)
    real_critique, stats = rules.judge(game, params, stats, real_packs, real.conditions)
    fake_critique, stats = rules.judge(game, params, stats, fake_packs, fake.conditions)
    logits = (real_critique.logits, fake_critique.logits)
    labels = {"real_label": 1 - t.label_smoothing} if t.label_smoothing else {}
    loss = common.objective.discriminator(*logits, axis_name=common.axis_name, **labels)
    metrics = vitals.accuracies(common.objective, *logits) | limited.observe(game, state, *logits)
    if t.update_rule == "loser":
        metrics["d/deficit"] = vitals.deficit(common.objective, *logits, labels)
    if game.d_terms is not None:
        extra, more = game.d_terms(real_critique, fake_critique, real.conditions, fake.conditions)
        loss, metrics = loss + extra, {**metrics, **more}

    def critic(conditions: PyTree, x: jax.Array) -> jax.Array:
        return rules.judge(game, params, jax.lax.stop_gradient(stats), x, conditions)[0].logits

    of_real, of_fake = partial(critic, real.conditions), partial(critic, fake.conditions)
    real_critic, at_real = sight.penalized(game, views.real, of_real, real.values)
    fake_critic, at_fake = sight.penalized(game, views.fake, of_fake, fake.values)
    penalty, found = penalties.penalties(
        t,
        real_critic,
        fake_critic,
        at_real,
        at_fake,
        draws.fold(keys, OfUpdate.PENALTY)[:: t.pack],
        state.step,
        common.axis_name,
        game.now(state.step),
        logits,
    )
    near = None if nearby is None else of_fake(pack(views.fake(nearby.values), t.pack))
    extra, also = limited.d_terms(
        game, state, (of_real, of_fake), (real_seen, fake_seen), logits, near, keys
    )
    loss, found = loss + penalty + extra, {**found, **also}
    metrics |= {f"d/{k}": v for k, v in found.items()}
    loss, metrics = _pull(game, 1, params, state, loss, metrics)
    return loss, (stats, {**metrics, "d/loss": loss})


def g_loss(
    game: Game, params: PyTree, state: State, real: Samples, conditions: PyTree, keys: jax.Array
) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
    """The generator's loss on as many samples, of ``conditions``, as there are real [B, ...].

    The real ones serve the relativistic losses, feature matching and the unrolled updates.

    Returns:
      The loss, and G's new statistics (D's are dropped) with the metrics.
    """
    common, t = game.common, game.common.techniques
    g, d = (state.nets[name] for name in game.names)
    z = game.latents(game, draws.fold(keys, OfUpdate.LATENT))
    values, stats = rules.generate(game, params, g.stats, z, conditions, train=True)
    if t.unrolled:
        d = ahead(game, state, real, Samples(values, conditions), keys)
    views = sight.views(game, state, keys, real.values, values)
    fake_seen = pack(views.fake(values), t.pack)
    fake_critique, _ = rules.judge(game, d.params, d.stats, fake_seen, conditions)
    real_critique = None
    if common.objective.paired or t.feature_matching:
        real_seen = pack(views.real(real.values), t.pack)
        real_critique, _ = rules.judge(game, d.params, d.stats, real_seen, real.conditions)
    loss, metrics = jnp.zeros((), jnp.float32), {}
    if t.top_k and not t.feature_matching_alone:
        loss, metrics["g/top_k"] = limited.g_loss(game, fake_critique.logits, state.step)
    elif not t.feature_matching_alone:
        loss = common.objective.generator(
            fake_critique.logits,
            real_critique.logits if common.objective.paired and real_critique else None,
            axis_name=common.axis_name,
        )
    if t.feature_matching and real_critique:
        gap = losses.feature_matching(
            real_critique.features, fake_critique.features, axis_name=common.axis_name
        )
        loss, metrics["g/feature_matching"] = loss + t.feature_matching * gap, gap
    if game.g_terms is not None:
        extra, more = game.g_terms(fake_critique, conditions)
        loss, metrics = loss + extra, {**metrics, **more}
    if game.g_shape is not None:
        extra, more = game.g_shape(values)
        loss, metrics = loss + extra, {**metrics, **more}
    if t.perturbs_latents:
        beside, _ = rules.generate(
            game, params, g.stats, limited.perturb(game, z, keys), conditions, train=True
        )
        value = regularizers.latent_consistency_generator(values, beside)
        loss, metrics["g/consistency"] = loss + t.consistency_g * value, value
    if t.orthogonal:
        value = penalties.correlation(params)
        loss, metrics["g/orthogonal"] = loss + t.orthogonal * value, value
    loss, metrics = _pull(game, 0, params, state, loss, metrics)
    return loss, (stats, {**metrics, "g/loss": loss})


def ahead(game: Game, state: State, real: Samples, fake: Samples, keys: jax.Array) -> Net:
    """D after ``unrolled`` more updates on these samples, as a function of the generated ones.

    Metz et al. 2017, "Unrolled Generative Adversarial Networks" (arXiv:1611.02163), eq. 7 to 9:
    by D's own optimizer, whose state is carried along, on the samples of this update throughout.
    """
    name, unrolled = game.names[1], game.common.techniques.unrolled

    def update(net: Net, _: jax.Array) -> tuple[Net, Metrics]:
        now = replace(state, nets={**state.nets, name: net})
        grad = jax.grad(partial(critic_loss, game), has_aux=True)
        grads, (stats, _) = grad(net.params, now, real, fake, keys)
        # Adam's root of a mean square of zero has no slope: a dead unit would give nan.
        grads = jax.tree.map(
            lambda g: jnp.where(jnp.abs(g) < SMALLEST_GRADIENT, SMALLEST_GRADIENT, g), grads
        )
        return d_move(game, net, grads, stats)[0], {}

    return updates.repeat(update, state.nets[name], jnp.arange(unrolled, dtype=jnp.int32))[0]


def d_move(game: Game, net: Net, grads: PyTree, stats: PyTree) -> tuple[Net, jax.Array]:
    """D after one step of its optimizer, its parameters clipped where asked for; and the norm."""
    net, norm = game.d.update(net, grads, stats)
    if clip := game.common.techniques.weight_clip:
        net = replace(net, params=regularizers.weight_clip(net.params, clip))
    return net, norm


def _pull(
    game: Game, player: int, params: PyTree, state: State, loss: jax.Array, metrics: Mapping
) -> Terms:
    """The loss with the distance to past parameters of G (0) or D (1)."""
    weight = game.common.techniques.historical_averaging
    if not weight:
        return loss, dict(metrics)
    history = state.extras[f"{game.names[player]}_history"]
    distance = regularizers.historical_average(params, history)
    return loss + weight * distance, {**metrics, f"{'gd'[player]}/history": distance}
