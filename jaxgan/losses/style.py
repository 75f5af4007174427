"""Losses of style transfer: content, Gram matrices, and how uneven an image is.

Conventions, the same for all: float32, scalars are to be minimized; no weight but a layer's.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.losses.reduce import difference, per_sample, total

PyTree = Any


def content(maps: PyTree, targets: PyTree, *, weights: Sequence[float] | None = None) -> jax.Array:
    """``sum over layers of w / 2 sum (F - P)^2``, a mean over samples.

    Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR), eq. 1.
    Johnson's is a mean over places and channels too: ``perceptual``.

    Args:
      maps: a tree of layers ``[B, h, w, c]``.
      targets: of the same shapes.
      weights: one a layer in the order of the tree's leaves; all 1 if left out.

    Raises:
      ValueError: if the shapes differ, or ``weights`` are not one a layer.
    """

    def distance(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.mean(per_sample(jnp.square(difference("targets", a, b)))) / 2

    return total(distance, "targets", maps, targets, weights)


def gram(maps: jax.Array) -> jax.Array:
    """``sum over places of F_i F_j / (h w c)``: maps [B, h, w, c] to float32 [B, c, c].

    Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
    (arXiv:1603.08155), eq. 3. Gatys et al. 2016, eq. 3, have the sum.
    """
    B, h, w, c = maps.shape
    rows = maps.astype(jnp.float32).reshape(B, h * w, c)
    # Accelerators would round the factors to ten bits, and small differences of style with them.
    return jnp.einsum("bpi,bpj->bij", rows, rows, precision="highest") / (h * w * c)


def style(grams: PyTree, targets: PyTree, *, weights: Sequence[float] | None = None) -> jax.Array:
    """``sum over layers of w sum_ij (G - A)^2`` of Gram matrices, a mean over samples.

    Johnson et al. 2016, eq. 4. With a quarter as weight it is Gatys et al. 2016, eq. 4 and 5, for
    images of one size: their ``1 / (4 N^2 M^2)`` is in ``gram``, but for the quarter.

    Args:
      grams: a tree of layers ``[B, c, c]``, see ``gram``.
      targets: of the same shapes.
      weights: one a layer in the order of the tree's leaves; all 1 if left out.

    Raises:
      ValueError: if the shapes differ, or ``weights`` are not one a layer.
    """

    def distance(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.mean(per_sample(jnp.square(difference("targets", a, b))))

    return total(distance, "targets", grams, targets, weights)


def total_variation(images: jax.Array) -> jax.Array:
    """``sum of squared differences`` of neighbours, below and beside: a mean over samples.

    Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them"
    (arXiv:1412.0035), eq. 4 with beta = 2; Johnson et al. 2016 use it with 1e-6 to 1e-4, of pixels
    in [0, 255].

    Args:
      images: ``[B, H, W, C]``.
    """
    x = images.astype(jnp.float32)
    below, beside = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    return jnp.mean(per_sample(jnp.square(below)) + per_sample(jnp.square(beside)))
