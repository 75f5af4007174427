"""Noise levels: several images of one sample, from the noisiest to the clean, seen together.

Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935), as in the authors' code.
Images are ``[B, H, W, L C]``: the L of a sample one beside the other in channels, the noisiest
first.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def noise_levels(count: int, *, least: float = 0.125, last: float = 0.01) -> tuple[float, ...]:
    """The t of each level, the noisiest first: ``1 - least^(1 - k / (count - 1)) + last``.

    Of 4 levels 0.885, 0.76, 0.51 and 0.01; of one, ``last``.

    Raises:
      ValueError: if there are none, or ``least`` or ``last`` leave (0, 1) or [0, least].
    """
    if count < 1 or not 0 < least < 1 or not 0 <= last <= least:
        raise ValueError(f"no noise levels of count {count}, least {least} and last {last}")
    shares = [k / (count - 1) if count > 1 else 1.0 for k in range(count)]
    return tuple(1 - least ** (1 - share) + last for share in shares)


def side_by_side(images: Sequence[jax.Array]) -> jax.Array:
    """Images [B, H, W, C] of L levels as [B, H, W, L C]."""
    return jnp.concatenate(list(images), axis=-1)


def apart(images: jax.Array, count: int) -> list[jax.Array]:
    """What ``side_by_side`` has joined."""
    return jnp.split(images, count, axis=-1)


def noised(images: jax.Array, normals: jax.Array, levels: Sequence[float]) -> jax.Array:
    """``(1 - t_k) x_k + n_k`` of images [B, H, W, L C], n_k of deviation t_k.

    Noise is shared: ``n_k = r n_{k+1} + sqrt(t_k^2 - t_{k+1}^2 r^2) e_k`` with
    ``r = (1 - t_k) / (1 - t_{k+1})``, so that a noisier level is the one after it with more noise.

    Args:
      images: of L levels.
      normals: standard normal, of the same shape: the e_k, in the order of the levels.
      levels: L values t, falling.
    """
    noise, found = None, []
    draws, clean = apart(normals, len(levels)), apart(images, len(levels))
    for k in reversed(range(len(levels))):
        t = levels[k]
        if noise is None:
            noise = t * draws[k]
        else:
            r = (1 - t) / (1 - levels[k + 1])
            noise = r * noise + (t**2 - (levels[k + 1] * r) ** 2) ** 0.5 * draws[k]
        found.append((1 - t) * clean[k] + noise)
    return side_by_side(found[::-1])
