"""Progressive growing: which stage runs at which step, and images as a stage shows them.

Karras et al. 2018, "Progressive Growing of GANs" (arXiv:1710.10196), section 2 and appendix A.1, in
the form of the authors' code: a stage begins after the step that has seen all images of the one
before, fades in over so many images, and then stays as it is over so many more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.nn import downsample_mean, fade_in, upsample_nearest

MOST = 2**31 - 1  # What the step counter can hold.


class Stage(NamedTuple):
    """A range of steps in which images have one side.

    Attributes:
      side: pixels that images are made of along an axis, as numbers of their own.
      first: its first step.
      whole: the first step in which nothing of the stage before is left.
      start: images that were seen before.
      fade: images over which it is faded in; 0 for the first one.
      per_step: images that a step sees.
    """

    side: int
    first: int
    whole: int
    start: int
    fade: int
    per_step: int

    def alpha(self, step: jax.Array) -> jax.Array | float:
        """How far the stage is faded in, in [0, 1], at a step of its own."""
        if not self.fade:
            return 1.0
        # From the first step: float32 holds no large number of images.
        since = (step - self.first).astype(jnp.float32) * self.per_step
        part = (since + float(self.first * self.per_step - self.start)) / self.fade
        return jnp.where(step >= self.whole, jnp.float32(1), part)

    def begins(self, step: jax.Array) -> jax.Array:
        """Whether this is the first step of its fade, or of what follows."""
        return (step == self.first) | (step == self.whole)


def stages(
    shape: Sequence[int], first: int, stable_kimg: float, fade_kimg: float, per_step: int
) -> list[Stage]:
    """The stages of a training, in order.

    Args:
      shape: [H, W, C] of an image.
      first: the side at the start.
      stable_kimg: thousands of images that each stage sees when it is whole.
      fade_kimg: likewise while it is faded in.
      per_step: images that a step sees.

    Raises:
      ValueError: if the images do not grow from the first side to theirs by doubling, or a stage
        has no step of its own.
    """
    side = shape[0] if shape else 0
    doublings = (side // max(first, 1)).bit_length() - 1
    if len(shape) != 3 or shape[1] != side or first < 1 or first << max(doublings, 0) != side:
        raise ValueError(
            f"images {list(shape)} do not grow from {first} x {first} pixels by doubling: their "
            "side must be a power of two, such as 32; set data.image_size"
        )
    if not (0 <= stable_kimg < MOST and 0 <= fade_kimg < MOST):  # false for nan, too
        raise ValueError(
            f"stable_kimg and fade_kimg must be at least 0, not {stable_kimg} and {fade_kimg}"
        )
    stable, fade = (round(1000 * kimg) for kimg in (stable_kimg, fade_kimg))
    found = [Stage(first, 0, 0, 0, 0, per_step)]
    for i in range(1, doublings + 1):
        start = i * stable + (i - 1) * fade
        begins, whole = start // per_step + 1, -(-(start + fade) // per_step)
        if begins <= found[-1].first:
            raise ValueError(
                f"stable_kimg={stable_kimg} and fade_kimg={fade_kimg} give a stage fewer images "
                f"than the {per_step} of a step"
            )
        last = max(whole, begins)
        found.append(Stage(first << i, begins, min(last, MOST), start, fade, per_step))
    return found


def shown(images: jax.Array, side: int, alpha: jax.Array | float) -> jax.Array:
    """Images [B, H, W, C] as a stage of that side makes them, which is ``alpha`` faded in.

    Means over squares of pixels, given back at the full size.
    """
    factor = images.shape[1] // side
    small = downsample_mean(images, factor)
    if not isinstance(alpha, float):
        small = fade_in(upsample_nearest(downsample_mean(small)), small, alpha)
    return upsample_nearest(small, factor)
