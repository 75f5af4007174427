"""An autoencoder as the rooms see it that train and sample in its latent space."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

PyTree = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Autoencoder:
    """From images to a normal distribution of latents, and from latents to images.

    What is trained on are ``(z - shift) * scale`` of latents z, by channel.

    Attributes:
      name: how messages call it: the path that it was read from.
      digest: hexadecimal; another one for other weights or settings.
      shape: [H, W, C] of an image.
      latent: [h, w, c] of a latent.
      scale: c numbers, about one over the deviations of the latents' channels.
      shift: c numbers that are taken from them first.
      variables: of both networks.
      encode: ``(variables, images) -> (mean, deviation)``, of images [B, H, W, C] in [-1, 1], each
        [B, h, w, c], neither shifted nor scaled.
      decode: ``(variables, latents) -> images`` [B, H, W, C], about in [-1, 1], of latents z
        [B, h, w, c].
    """

    name: str
    digest: str
    shape: tuple[int, ...]
    latent: tuple[int, ...]
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    variables: PyTree
    encode: Callable[[PyTree, jax.Array], tuple[jax.Array, jax.Array]]
    decode: Callable[[PyTree, jax.Array], jax.Array]


def scaled(autoencoder: Autoencoder, latents: Any) -> Any:
    """Latents z [B, h, w, c] as a method sees them."""
    return (latents - _row(autoencoder.shift)) * _row(autoencoder.scale)


def unscaled(autoencoder: Autoencoder, samples: Any) -> Any:
    """The z of what a method makes [B, h, w, c]."""
    return samples / _row(autoencoder.scale) + _row(autoencoder.shift)


def _row(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)[None, None, None]
