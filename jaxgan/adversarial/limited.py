"""Techniques for few data: what they keep from step to step, and the terms that they add."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import augment, regularizers
from jaxgan.adversarial.game import Game, Samples
from jaxgan.adversarial.packing import pack
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws
from jaxgan.base.state import Metrics, State

PyTree = Any
Critic = Callable[[jax.Array], jax.Array]
# Metrics that a step's memory moves by: means over the samples.
SIGN, REAL, FAKE = "d/real_sign", "d/real_logit", "d/fake_logit"


def adapts(game: Game) -> bool:
    """Whether the probability of augmentation follows D's logits."""
    t = game.common.techniques
    return t.augment in ("ada", "apa") and t.augment_target > 0 and game.schedule is None


def probability(game: Game, state: State) -> jax.Array:
    """With which samples are augmented now, a scalar."""
    if adapts(game):
        return state.extras[game.extra("ada")].p
    return game.now(state.step).get("augment_p", jnp.float32(game.common.techniques.augment_p))


def start(game: Game) -> dict[str, PyTree]:
    """What is kept in ``State.extras``, before the first step."""
    kept: dict[str, PyTree] = {}
    if adapts(game):
        kept[game.extra("ada")] = augment.ada_init(game.common.techniques.augment_p)
    if game.common.techniques.lecam:
        kept[game.extra("lecam")] = regularizers.lecam_init()
    return kept


def remember(
    game: Game, state: State, extras: dict[str, PyTree], metrics: Metrics, samples: int
) -> dict[str, PyTree]:
    """The extras after an update of D on so many real samples, with the metrics of ``observe``."""
    t, axis_name, extras = game.common.techniques, game.common.axis_name, dict(extras)
    if adapts(game):
        name = game.extra("ada")
        extras[name] = augment.ada_advance(
            extras[name],
            metrics[SIGN],
            samples,
            target=t.augment_target,
            interval=t.augment_interval,
            images_to_full=1000 * t.augment_kimg,
            axis_name=axis_name,
        )
    if t.lecam:
        name = game.extra("lecam")
        # Averages begin with what they see, as in the authors' code.
        decay = jnp.where(state.step < t.lecam_start, 0.0, t.lecam_decay)
        extras[name] = regularizers.lecam_update(
            extras[name], metrics[REAL], metrics[FAKE], decay=decay, axis_name=axis_name
        )
    return extras


def observe(game: Game, state: State, real: jax.Array, fake: jax.Array) -> Metrics:
    """What ``remember`` needs of D's logits of real and generated samples."""
    metrics: Metrics = {}
    if adapts(game):
        metrics[SIGN] = jnp.mean(jnp.sign(real.astype(jnp.float32)))
        metrics["d/augment_p"] = probability(game, state)
    if game.common.techniques.lecam:
        metrics |= {
            REAL: jnp.mean(real, dtype=jnp.float32),
            FAKE: jnp.mean(fake, dtype=jnp.float32),
        }
    return metrics


def mix(game: Game, state: State, real: Samples, pseudo: Samples, keys: jax.Array) -> Samples:
    """Real samples, each replaced by a generated one with the probability that APA has now.

    Raises:
      ValueError: if real samples are judged under conditions that generated ones do not have.
    """
    if missing := set(real.conditions) - set(pseudo.conditions):
        raise ValueError(
            "techniques.augment='apa' shows D generated samples as real, and these have no "
            f"{', '.join(sorted(missing))}"
        )
    draw = partial(jax.random.uniform, dtype=jnp.float32)
    chance = jax.vmap(draw)(draws.fold(keys, OfUpdate.PSEUDO_CHOICE))
    replaced = chance < probability(game, state)

    def choose(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(replaced.reshape(-1, *(1,) * (b.ndim - 1)), a, b)

    like = Samples(pseudo.values, {k: pseudo.conditions[k] for k in real.conditions})
    return jax.tree.map(choose, like, real)


def perturb(game: Game, z: PyTree, keys: jax.Array) -> PyTree:
    """Latents beside z [B, ...]."""
    sigma = game.common.techniques.consistency_sigma
    keys = draws.fold(keys, OfUpdate.NEARBY)
    return jax.tree.map(lambda x: regularizers.perturb_latents(keys, x, sigma=sigma), z)


def move(keys: jax.Array, images: jax.Array) -> jax.Array:
    """Images [B, H, W, C] mirrored at random and shifted by up to an eighth of a side."""
    flip, shift = jax.vmap(jax.random.split)(keys).T
    return augment.translation(shift, augment.horizontal_flip(flip, images))


def d_terms(
    game: Game,
    state: State,
    critics: tuple[Critic, Critic],
    seen: tuple[jax.Array, jax.Array],
    logits: tuple[jax.Array, jax.Array],
    near: jax.Array | None,
    keys: jax.Array,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """What consistency and LeCam add to D's loss, and each term without its weight.

    Args:
      game: the players.
      state: of training.
      critics: from packs of real, and of generated samples to logits.
      seen: these samples [B, ...] as D sees them.
      logits: what it says of them.
      near: what it says of generated samples of latents beside these.
      keys: of the update.
    """
    t, total, found = game.common.techniques, jnp.zeros((), jnp.float32), {}
    terms = {"cr": 1, "bcr": 2, "icr": 2}.get(t.consistency, 0)
    for name, weight, each, critic, samples, said in list(
        zip(
            ("consistency_real", "consistency_fake"),
            (t.consistency_real, t.consistency_fake),
            (draws.fold(keys, OfUpdate.REAL_MOVED), draws.fold(keys, OfUpdate.FAKE_MOVED)),
            critics,
            seen,
            logits,
            strict=True,
        )
    )[:terms]:
        moved = critic(pack(move(each, samples), t.pack))
        found[name] = regularizers.consistency(said, moved)
        total += weight * found[name]
    if near is not None:
        name = "consistency_latent"
        found[name] = regularizers.latent_consistency_discriminator(logits[1], near)
        total += t.consistency_d * found[name]
    if t.lecam:
        value = regularizers.lecam(*logits, state.extras[game.extra("lecam")])
        found["lecam"] = jnp.where(state.step < t.lecam_start, 0.0, value)
        total += t.lecam * found["lecam"]
    return total, found


def g_loss(game: Game, logits: jax.Array, step: jax.Array) -> tuple[jax.Array, jax.Array]:
    """G's adversarial loss over the samples that D takes for real most, and their share.

    Sinha et al. 2020 (arXiv:2002.06224), section 3: the ``k = max(share B, decay^epoch B)`` samples
    with the highest logits; of a pack or a map of logits, their mean.
    """
    common, t = game.common, game.common.techniques
    scores = jax.lax.stop_gradient(logits.reshape(len(logits), -1).mean(axis=1))
    whole = scores
    if common.axis_name is not None:
        whole = jax.lax.all_gather(scores, common.axis_name, tiled=True)
    B, epochs = len(whole), (step // t.top_k_every).astype(jnp.float32)
    share = jnp.maximum(t.top_k, t.top_k_decay**epochs)
    k = jnp.clip(jnp.round(share * B), 1, B).astype(jnp.int32)
    least = jnp.sort(whole)[B - k]
    each = jax.vmap(lambda x: common.objective.generator(x[None], None))(logits)
    # A mean over the chosen ones of all devices, as the mean of what each device has.
    chosen, share = scores >= least, jnp.mean(whole >= least, dtype=jnp.float32)
    return jnp.mean(jnp.where(chosen, each, 0.0)) / share, share
