"""An autoencoder as the rooms see it that train and sample in its latent space."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

PyTree = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Autoencoder:
    """From images to a normal distribution of latents, and from latents to images.

    What is trained on are ``(z - shift) * scale`` of latents z.

    Attributes:
      name: how messages call it: the path that it was read from.
      digest: hexadecimal; another one for other weights or settings.
      shape: [H, W, C] of an image.
      latent: [h, w, c] of a latent.
      scale: of latents; about one over their deviation.
      shift: taken from them first.
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
    scale: float
    shift: float
    variables: PyTree
    encode: Callable[[PyTree, jax.Array], tuple[jax.Array, jax.Array]]
    decode: Callable[[PyTree, jax.Array], jax.Array]
