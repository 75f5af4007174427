"""Distances between images: L1, L2, cycle and identity, and perceptual ones on any features.

Conventions, the same for all: float32 scalars, to be minimized; no weight.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.losses.reduce import align, difference, total

PyTree = Any


def l1(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """``mean |prediction - target|`` over samples and pixels.

    Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix),
    eq. 3, with lambda 100.

    Raises:
      ValueError: if the shapes differ.
    """
    return jnp.mean(jnp.abs(difference("target", prediction, target)))


def l2(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """``mean (prediction - target)^2`` over samples and pixels.

    Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network" (SRGAN), eq. 4.

    Raises:
      ValueError: if the shapes differ.
    """
    return jnp.mean(jnp.square(difference("target", prediction, target)))


def cycle(images: jax.Array, reconstructions: jax.Array) -> jax.Array:
    """``mean |F(G(x)) - x|`` over samples and pixels, for one direction of the cycle.

    Zhu et al. 2017, "Unpaired Image-to-Image Translation" (CycleGAN), eq. 2, with lambda 10 on
    each direction.

    Raises:
      ValueError: if the shapes differ.
    """
    return jnp.mean(jnp.abs(difference("reconstructions", images, reconstructions)))


def identity(images: jax.Array, translations: jax.Array) -> jax.Array:
    """``mean |G(y) - y|`` for images y already of G's target domain.

    Zhu et al. 2017 (CycleGAN), section 5.2, with half the weight of the cycle.

    Raises:
      ValueError: if the shapes differ.
    """
    return jnp.mean(jnp.abs(difference("translations", images, translations)))


def perceptual(
    features: Callable[[jax.Array], PyTree],
    images: jax.Array,
    targets: jax.Array,
    *,
    weights: Sequence[float] | None = None,
) -> jax.Array:
    """``sum over layers of w mean (f(x) - f(y))^2``: the mean over samples, places and channels.

    Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
    eq. 2, whose ``1 / (C H W)`` this is.

    Args:
      features: from images ``[B, H, W, C]`` to a tree of layers.
      images: ``[B, H, W, C]`` in the range that ``features`` wants.
      targets: of the same shape.
      weights: one a layer in the order of the tree's leaves; all 1 if left out.

    Raises:
      ValueError: if the shapes differ, or ``weights`` are not one a layer.
    """

    def distance(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.mean(jnp.square(difference("targets", a, b)))

    return total(distance, "targets", features(images), features(targets), weights)


def lpips(
    features: Callable[[jax.Array], PyTree],
    images: jax.Array,
    targets: jax.Array,
    *,
    channel_weights: Sequence[jax.Array] | None = None,
) -> jax.Array:
    """``sum over layers of mean over places of sum_c w_c (u_c(x) - u_c(y))^2``, u of length 1.

    u is a layer's features divided at each place by their length over channels,
    ``sqrt(|f|^2 + 1e-10)``. The weights multiply the *square*, as in the authors' code (eq. 1 of
    the paper has them inside it). Zhang et al. 2018, "The Unreasonable Effectiveness of Deep
    Features as a Perceptual Metric", eq. 1.

    Args:
      features: from images ``[B, H, W, C]`` to a tree of layers ``[B, h, w, c]``.
      images: ``[B, H, W, C]`` in the range that ``features`` wants.
      targets: of the same shape.
      channel_weights: one ``[c]`` a layer in the order of the tree's leaves; all 1 if left out.

    Raises:
      ValueError: if the shapes differ, or ``channel_weights`` are not one ``[c]`` a layer.
    """
    first, second = jax.tree.leaves(features(images)), jax.tree.leaves(features(targets))
    given = [jnp.ones((), jnp.float32)] * len(first) if channel_weights is None else channel_weights
    if len(given) != len(first):
        raise ValueError(f"channel_weights has {len(given)} for {len(first)} layers")
    result = jnp.zeros((), jnp.float32)
    for a, b, weight in zip(first, second, given, strict=True):
        shape = jnp.shape(weight)
        if shape not in ((), a.shape[-1:]):
            raise ValueError(f"channel_weights has shape {shape} for a layer of {a.shape}")
        square = jnp.square(difference("targets", _unit(a), _unit(b)))
        weight = align(jnp.asarray(weight, jnp.float32), square)
        result += jnp.mean(jnp.sum(weight * square, axis=-1))
    return result


def _unit(x: jax.Array) -> jax.Array:
    x = x.astype(jnp.float32)
    return x * lax.rsqrt(jnp.sum(jnp.square(x), axis=-1, keepdims=True) + 1e-10)
