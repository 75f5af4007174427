"""The losses of any adversarial method, with every technique asked for."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import draws, losses, regularizers, techniques, updates, vitals
from jaxgan.game import Game, Samples, Terms, judged
from jaxgan.state import Metrics, Net, State

PyTree = Any

# What a sample's key is folded with in one player's loss.
LATENT, REAL_NOISE, FAKE_NOISE, PENALTY, REPLAY = range(5)
# Below this a squared gradient is zero in float32, and the slope of its root infinite.
SMALLEST_GRADIENT = 1e-12


def fakes(game: Game, state: State, conditions: PyTree, keys: jax.Array) -> Samples:
    """One generated sample for each key, as data; the generator's new statistics are dropped."""
    g = state.nets["g"]
    values, _ = game.generate(g.params, g.stats, conditions, draws.fold(keys, LATENT))
    return jax.lax.stop_gradient(Samples(values, conditions))


def d_loss(
    game: Game, params: PyTree, state: State, real: Samples, keys: jax.Array
) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
    """``critic_loss`` on real [B, ...] and B newly generated samples."""
    return critic_loss(game, params, state, real, fakes(game, state, real.conditions, keys), keys)


def critic_loss(
    game: Game, params: PyTree, state: State, real: Samples, fake: Samples, keys: jax.Array
) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
    """The discriminator's loss on real and generated samples.

    Returns:
      The loss, and D's new statistics (from both passes, none from penalties) with the metrics.
    """
    t = game.techniques
    real_seen = t.view(real.values, state.step, draws.fold(keys, REAL_NOISE))
    fake_seen = t.view(fake.values, state.step, draws.fold(keys, FAKE_NOISE))
    # Two passes: batch norm sees real and generated samples apart.
    real_critique, stats = judged(game, params, state.nets["d"].stats, real_seen, real.conditions)
    fake_critique, stats = judged(game, params, stats, fake_seen, fake.conditions)
    logits = (real_critique.logits, fake_critique.logits)
    labels = {"real_label": 1 - t.label_smoothing} if t.label_smoothing else {}
    loss = losses.adversarial(game.loss).discriminator(*logits, axis_name=game.axis_name, **labels)
    metrics = {
        "g/diversity": vitals.diversity(real.values, fake.values, game.axis_name),
        **vitals.accuracies(game.loss, *logits),
    }
    if t.update_rule == "loser":
        metrics["d/deficit"] = techniques.deficit(game.loss, *logits, labels)
    if game.d_terms is not None:
        extra, more = game.d_terms(real_critique, fake_critique, real.conditions, fake.conditions)
        loss, metrics = loss + extra, {**metrics, **more}

    def critic(conditions: PyTree, x: jax.Array) -> jax.Array:
        return judged(game, params, jax.lax.stop_gradient(stats), x, conditions)[0].logits

    penalty, found = t.penalties(
        partial(critic, real.conditions),
        partial(critic, fake.conditions),
        real_seen,
        fake_seen,
        draws.fold(keys, PENALTY)[:: t.pack],
        state.step,
        game.axis_name,
    )
    loss, metrics = loss + penalty, {**metrics, **{f"d/{k}": v for k, v in found.items()}}
    loss, metrics = _pulled(game, "d", params, state, loss, metrics)
    return loss, (stats, {**metrics, "d/loss": loss})


def g_loss(
    game: Game, params: PyTree, state: State, real: Samples, keys: jax.Array
) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
    """The generator's loss on as many samples as there are real [B, ...].

    The real ones serve the relativistic losses, feature matching and the unrolled updates.

    Returns:
      The loss, and G's new statistics (D's are dropped) with the metrics.
    """
    t, g, d = game.techniques, state.nets["g"], state.nets["d"]
    values, stats = game.generate(params, g.stats, real.conditions, draws.fold(keys, LATENT))
    if t.unrolled:
        d = ahead(game, state, real, Samples(values, real.conditions), keys)
    fake_seen = t.view(values, state.step, draws.fold(keys, FAKE_NOISE))
    fake_critique, _ = judged(game, d.params, d.stats, fake_seen, real.conditions)
    relativistic = game.loss.startswith("relativistic")
    real_critique = None
    if relativistic or t.feature_matching:
        real_seen = t.view(real.values, state.step, draws.fold(keys, REAL_NOISE))
        real_critique, _ = judged(game, d.params, d.stats, real_seen, real.conditions)
    loss, metrics = jnp.zeros((), jnp.float32), {}
    if not t.feature_matching_alone:
        loss = losses.adversarial(game.loss).generator(
            fake_critique.logits,
            real_critique.logits if relativistic and real_critique else None,
            axis_name=game.axis_name,
        )
    if t.feature_matching and real_critique:
        gap = losses.feature_matching(
            real_critique.features, fake_critique.features, axis_name=game.axis_name
        )
        loss, metrics["g/feature_matching"] = loss + t.feature_matching * gap, gap
    if game.g_terms is not None:
        extra, more = game.g_terms(fake_critique, real.conditions)
        loss, metrics = loss + extra, {**metrics, **more}
    loss, metrics = _pulled(game, "g", params, state, loss, metrics)
    return loss, (stats, {**metrics, "g/loss": loss})


def ahead(game: Game, state: State, real: Samples, fake: Samples, keys: jax.Array) -> Net:
    """D after ``unrolled`` more updates on these samples, as a function of the generated ones.

    Metz et al. 2017, "Unrolled Generative Adversarial Networks" (arXiv:1611.02163), eq. 7 to 9:
    by D's own optimizer, whose state is carried along, on the samples of this update throughout.
    """

    def update(net: Net, _: jax.Array) -> tuple[Net, Metrics]:
        now = replace(state, nets={**state.nets, "d": net})
        grad = jax.grad(partial(critic_loss, game), has_aux=True)
        grads, (stats, _) = grad(net.params, now, real, fake, keys)
        # Adam's root of a mean square of zero has no slope: a dead unit would give nan.
        grads = jax.tree.map(
            lambda g: jnp.where(jnp.abs(g) < SMALLEST_GRADIENT, SMALLEST_GRADIENT, g), grads
        )
        return d_move(game, net, grads, stats)[0], {}

    return updates.repeat(
        update, state.nets["d"], jnp.arange(game.techniques.unrolled, dtype=jnp.int32)
    )[0]


def d_move(game: Game, net: Net, grads: PyTree, stats: PyTree) -> tuple[Net, jax.Array]:
    """D after one step of its optimizer, its parameters clipped where asked for; and the norm."""
    net, norm = game.d.update(net, grads, stats)
    if game.techniques.weight_clip:
        clipped = regularizers.weight_clip(net.params, game.techniques.weight_clip)
        net = replace(net, params=clipped)
    return net, norm


def _pulled(
    game: Game, name: str, params: PyTree, state: State, loss: jax.Array, metrics: Mapping
) -> Terms:
    """The loss with the distance to past parameters."""
    weight = game.techniques.historical_averaging
    if not weight:
        return loss, dict(metrics)
    distance = regularizers.historical_average(params, state.extras[f"{name}_history"])
    return loss + weight * distance, {**metrics, f"{name}/history": distance}
