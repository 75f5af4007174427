"""ADA's controller: how likely augmentation must be for the discriminator not to overfit.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data" (StyleGAN2-ADA),
section 3.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike


class AdaState(NamedTuple):
    """The controller: p, and what it has seen since p last moved. All float32 scalars."""

    p: jax.Array
    signs: jax.Array  # sum over real images of the mean sign of D's logits on each
    images: jax.Array  # their number
    calls: jax.Array  # number of minibatches


def ada_init(p: ArrayLike = 0.0) -> AdaState:
    """A controller that starts with probability p.

    Raises:
      ValueError: if p is negative.
    """
    if isinstance(p, int | float) and not p >= 0:
        raise ValueError(f"p is {p}, but must not be negative")
    zero = jnp.zeros((), jnp.float32)
    return AdaState(jnp.asarray(p, jnp.float32), zero, zero, zero)


def ada_update(
    state: AdaState,
    real_logits: jax.Array,
    *,
    target: float = 0.6,
    interval: int = 4,
    images_to_full: float = 500_000,
    maximum: float = 1.0,
    axis_name: str | None = None,
) -> AdaState:
    """The controller after one more minibatch of D's logits ``[B, ...]`` on augmented real images.

    Every ``interval`` calls p moves by ``images seen / images_to_full``: up where
    ``r_t = mean sign(D(real))`` exceeds the target, down where it falls short. It is clipped to
    [0, ``maximum``]. The paper clips at 0 alone (``maximum=inf``); beyond 1 nothing more is
    augmented, and only the way back gets longer.

    Args:
      state: of ``ada_init``, or what the last call returned.
      real_logits: any shape with the batch first.
      target: of r_t.
      interval: minibatches between two moves.
      images_to_full: real images that p takes from 0 to 1.
      maximum: of p.
      axis_name: the mapped axis over which the batch is split; the state stays the same on
        every device.

    Raises:
      ValueError: if ``interval``, ``images_to_full`` or ``maximum`` is not positive, or
        ``real_logits`` holds none.
    """
    if not real_logits.ndim or not real_logits.size:
        raise ValueError(f"real_logits has shape {real_logits.shape}, but [B, ...] is due")
    return ada_advance(
        state,
        jnp.mean(jnp.sign(lax.stop_gradient(real_logits).astype(jnp.float32))),
        real_logits.shape[0],
        target=target,
        interval=interval,
        images_to_full=images_to_full,
        maximum=maximum,
        axis_name=axis_name,
    )


def ada_advance(
    state: AdaState,
    sign: jax.Array,
    images: int,
    *,
    target: float = 0.6,
    interval: int = 4,
    images_to_full: float = 500_000,
    maximum: float = 1.0,
    axis_name: str | None = None,
) -> AdaState:
    """``ada_update`` for logits whose mean sign is known, of so many images on this device.

    Raises:
      ValueError: if ``interval``, ``images_to_full`` or ``maximum`` is not positive.
    """
    for name, value in (
        ("interval", interval),
        ("images_to_full", images_to_full),
        ("maximum", maximum),
    ):
        if not value > 0:
            raise ValueError(f"{name} is {value}, but must be positive")
    seen = jnp.float32(images)
    if axis_name is not None:
        sign, seen = lax.pmean(sign, axis_name), seen * lax.axis_size(axis_name)
    signs, seen, calls = state.signs + sign * seen, state.images + seen, state.calls + 1.0
    goal, full, most = (jnp.asarray(x, jnp.float32) for x in (target, images_to_full, maximum))
    move = jnp.sign(signs / seen - goal) * seen / full
    moved = AdaState(jnp.clip(state.p + move, 0.0, most), *ada_init()[1:])
    waiting = AdaState(state.p, signs, seen, calls)
    return jax.tree.map(lambda a, b: jnp.where(calls >= interval, a, b), moved, waiting)
