"""From styles to images: the synthesis networks of StyleGAN2 and of the first StyleGAN."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn.conv import Conv
from jaxgan.nn.modulated import ModulatedConv
from jaxgan.nn.resample import upsample
from jaxgan.nn.stages import stage
from jaxgan.nn.style import EQUALIZED, AdaINConv, StyledConv
from jaxgan.nn.weights import parameter

SMALLEST = 4


def sides_of(shape: tuple[int, ...]) -> list[int]:
    """The sides of the feature maps, 4 first.

    Raises:
      ValueError: if the image is not square, or its side no power of two from 8 on.
    """
    side = shape[0] if shape else 0
    if len(shape) != 3 or shape[1] != side or side < 2 * SMALLEST or side & (side - 1):
        raise ValueError(
            f"stylegan2 makes square images [H, W, C] whose side is a power of two from 8 on, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )
    return [2**i for i in range(2, side.bit_length())]


def channels(side: int, width: int, max_width: int) -> int:
    """Of the maps of this side.

    Raises:
      ValueError: if there would be none.
    """
    if width < side:
        raise ValueError(f"width {width} leaves no channel for maps of {side} pixels")
    return min(width // side, max_width)


class Synthesis(nn.Module):
    """One w a layer [B, L, D] to images, see ``Generator``."""

    shape: tuple[int, ...]
    width: int
    max_width: int
    architecture: str
    styling: str
    clamp: float
    dtype: str

    @nn.compact
    def __call__(self, styles: jax.Array, noise: Any) -> jax.Array:  # noqa: D102
        sides, image, layer = sides_of(self.shape), None, 0
        C = channels(SMALLEST, self.width, self.max_width)
        size = (1, SMALLEST, SMALLEST, C)
        const = parameter(self, "const", nn.initializers.normal(1.0), size)
        x = jnp.broadcast_to(const, (len(styles), *const.shape[1:])).astype(self.dtype)
        for side in sides:
            wide = channels(side, self.width, self.max_width)
            for kind in self.kinds(side):
                conv = self.conv(kind, wide, f"conv_{side}_{kind}")
                x = conv(x, styles[:, layer], noise, layer)
                layer += 1
            x = stage(x)
            if self.architecture == "orig" and side != sides[-1]:
                continue
            y = self.to_image(x, styles[:, layer], f"to_image_{side}").astype(jnp.float32)
            y = jnp.clip(y, -self.clamp, self.clamp) if self.clamp else y
            image = y if image is None else upsample(image) + y
        assert image is not None
        return image

    def kinds(self, side: int) -> tuple[str, ...]:
        """The styled layers of a stage: the first StyleGAN styles the constant, too."""
        if side > SMALLEST:
            return ("up", "same")
        return ("same",) if self.styling == "modulated" else ("const", "same")

    def conv(self, kind: str, features: int, name: str) -> nn.Module:
        """A styled layer."""
        resample = "up" if kind == "up" else None
        if self.styling == "modulated":
            return StyledConv(features, resample, self.clamp, self.dtype, name=name)
        bare = kind == "const"
        return AdaINConv(features, resample, self.clamp, self.dtype, bare, name=name)

    def to_image(self, x: jax.Array, w: jax.Array, name: str) -> jax.Array:
        """The image that maps stand for."""
        C = self.shape[-1]
        if self.styling == "modulated":
            return ModulatedConv(C, 1, demodulate=False, dtype=self.dtype, name=name)(x, w)
        return Conv(C, 1, weight=EQUALIZED, dtype=self.dtype, name=name)(x)
