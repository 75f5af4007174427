"""Signs of life that an adversarial method logs at every step, for the alarms to look at."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgan.base.state import Metrics
from jaxgan.losses import AdversarialLoss

EPSILON = 1e-12


def accuracies(loss: AdversarialLoss, real_logits: jax.Array, fake_logits: jax.Array) -> Metrics:
    """The share of real and of generated samples on their side of the loss's threshold, if any.

    Args:
      loss: the discriminator's.
      real_logits: of any shape.
      fake_logits: of any shape.
    """
    if loss.threshold is None:
        return {}
    return {
        "d/real_accuracy": jnp.mean(real_logits > loss.threshold, dtype=jnp.float32),
        "d/fake_accuracy": jnp.mean(fake_logits < loss.threshold, dtype=jnp.float32),
    }


def diversity(real: jax.Array, fake: jax.Array, axis_name: str | None = None) -> jax.Array:
    """The total variance of generated samples [B, ...] over that of real ones [B, ...].

    Half the mean squared distance of two samples is the total variance, so this is how far apart
    generated samples are, 0 for a generator that gives one sample only. A float32 scalar, of the
    whole batch where ``axis_name`` names the axis that it is split over.
    """

    def mean(x: jax.Array) -> jax.Array:
        local = jnp.mean(x, axis=0, keepdims=True)
        return local if axis_name is None else jax.lax.pmean(local, axis_name)

    def spread(x: jax.Array) -> jax.Array:
        x = x.astype(jnp.float32)
        return jnp.sum(mean((x - mean(x)) ** 2))

    return spread(fake) / (spread(real) + EPSILON)


def deficit(
    loss: AdversarialLoss,
    real_logits: jax.Array,
    fake_logits: jax.Array,
    labels: Mapping[str, float],
) -> jax.Array:
    """How far D is behind G: positive where D loses, a scalar.

    Each player's loss is taken relative to what it is at a tie, where all logits are equal: one
    loss has two terms and the other has one, so as they stand they cannot be compared. Not for a
    loss without a tie, whose generator loss has no level.
    """
    assert loss.tie is not None
    real_tie, fake_tie = jnp.full_like(real_logits, loss.tie), jnp.full_like(fake_logits, loss.tie)
    d_excess = loss.discriminator(real_logits, fake_logits, **labels) - loss.discriminator(
        real_tie, fake_tie, **labels
    )
    return d_excess - (
        loss.generator(fake_logits, real_logits) - loss.generator(fake_tie, real_tie)
    )
