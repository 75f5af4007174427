"""Logits and labels: their checks, their means, and the cross-entropy between them."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import softplus
from jax.typing import ArrayLike

from jaxgan.losses.reduce import align


def float32(name: str, logits: ArrayLike) -> jax.Array:
    """Logits in float32; ``ValueError`` if there are none."""
    x = jnp.asarray(logits, jnp.float32)
    if x.size == 0:
        raise ValueError(f"{name} is empty, of shape {x.shape}: its mean would be nan")
    return x


def require(name: str, logits: ArrayLike | None) -> ArrayLike:
    """The logits; ``ValueError`` if they were left out."""
    if logits is None:
        raise ValueError(f"{name} is required: a relativistic generator compares fake with real")
    return logits


def batch_mean(x: jax.Array, axis_name: str | None) -> jax.Array:
    """The mean over every element, here and on the devices that share the batch."""
    mean = jnp.mean(x)
    return mean if axis_name is None else lax.pmean(mean, axis_name)


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The mean binary cross-entropy, from logits, against probabilities."""
    # Not softplus(x) - label * x, which cancels for the large logits of a confident D.
    return jnp.mean(label * softplus(-logits) + (1.0 - label) * softplus(logits))


def label_for(name: str, label: ArrayLike, logits: jax.Array) -> jax.Array:
    """The label in float32; ``ValueError`` unless it broadcasts to the logits."""
    y = jnp.asarray(label, jnp.float32)
    # [B] against [B, 1] would silently compare every label with every logit.
    if len(y.shape) > logits.ndim or any(
        a not in (1, b) for a, b in zip(y.shape[::-1], logits.shape[::-1], strict=False)
    ):
        raise ValueError(f"{name} has shape {y.shape}, which does not broadcast to {logits.shape}")
    return align(y, logits)


def probability(name: str, label: ArrayLike, logits: jax.Array) -> jax.Array:
    """The label, and ``ValueError`` too for a number outside [0, 1]."""
    if isinstance(label, int | float) and not 0 <= label <= 1:
        raise ValueError(f"{name} is {label}, but a label here is a probability in [0, 1]")
    return label_for(name, label, logits)


def refuse_labels(loss: str, **labels: tuple[ArrayLike, float]) -> None:
    """``ValueError`` for a label, given beside its default, that is not that default."""
    for name, (label, default) in labels.items():
        if not isinstance(label, int | float) or label != default:
            raise ValueError(f"{name} was given, but {loss} has no labels")
