"""What is added to a player's loss for its own shape: D's gradient, G's kernels."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import regularizers
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws

PyTree = Any
Critic = Callable[[jax.Array], jax.Array]


def penalties(
    t: Techniques,
    real_critic: Critic,
    fake_critic: Critic,
    real: jax.Array,
    fake: jax.Array,
    keys: jax.Array,
    step: jax.Array,
    axis_name: str | None,
    now: Mapping[str, jax.Array],
    logits: tuple[jax.Array | None, jax.Array | None] = (None, None),
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """What is added to D's loss for its gradient, and each penalty without its weight.

    Args:
      t: which of them.
      real_critic: from samples to logits, with the conditions of the real samples.
      fake_critic: with those of the generated ones.
      real: [B, ...] as D sees them.
      fake: likewise, of the same shape.
      keys: [B].
      step: the number of steps so far.
      axis_name: the mapped axis over which the batch is split.
      now: weights that change as training goes on, by name.
      logits: what the critics say of both, if it is known already.
    """
    total, found = jnp.zeros((), jnp.float32), {}
    if t.gradient_penalty:
        if t.gradient_penalty_kind == "dragan":
            value = regularizers.dragan(
                real_critic, real, keys, target=t.gradient_penalty_target, axis_name=axis_name
            )
        else:
            zero = t.gradient_penalty_kind == "zero_centred"
            value = regularizers.gradient_penalty(
                real_critic,
                real,
                fake,
                keys,
                target=0.0 if zero else t.gradient_penalty_target,
                one_sided=t.gradient_penalty_kind == "one_sided",
                axis_name=axis_name,
            )
        total, found["gradient_penalty"] = total + t.gradient_penalty * value, value
    of_real, of_fake = partial(regularizers.r1, real_critic), partial(regularizers.r2, fake_critic)
    if t.penalty_sigma:
        by_step = partial(regularizers.approximate_r1, sigma=t.penalty_sigma)
        real_keys = draws.fold(keys, OfUpdate.REAL_STEP)
        fake_keys = draws.fold(keys, OfUpdate.FAKE_STEP)
        of_real = partial(by_step, real_critic, key=real_keys, logits=logits[0])
        of_fake = partial(by_step, fake_critic, key=fake_keys, logits=logits[1])
    for name, gamma, penalty, samples in (("r1", t.r1, of_real, real), ("r2", t.r2, of_fake, fake)):
        if gamma:
            value = _lazily(penalty, samples, step, t.lazy_interval)
            total, found[name] = total + now.get(name, gamma) / 2 * value, value
    return total, found


def _lazily(
    penalty: Callable[[jax.Array], jax.Array], samples: jax.Array, step: jax.Array, k: int
) -> jax.Array:
    if k == 1:
        return penalty(samples)

    def rest(samples: jax.Array) -> jax.Array:
        # It varies over devices as the penalty does, which `shard_map` compares.
        return jnp.zeros_like(samples, jnp.float32, shape=())

    return jax.lax.cond(step % k == 0, lambda x: k * penalty(x), rest, samples)


def correlation(params: PyTree) -> jax.Array:
    """How far the outputs of a network's kernels are from orthogonal; tables have no outputs."""
    leaves = jax.tree.leaves_with_path(params)
    kernels = [x for path, x in leaves if getattr(path[-1], "key", "") != "embedding"]
    return regularizers.orthogonal(kernels)
