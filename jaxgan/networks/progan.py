"""ProGAN's networks (Karras et al. 2018, "Progressive Growing of GANs").

arXiv:1710.10196, section 2 to 4 and appendix A, in the form of the authors' code. Every stage is
there from the start: how many of them run is the field ``stage``, and how far the newest one is
faded in may be traced. Images have their full size at every stage, those of an earlier one with
pixels repeated. For square images whose side is a power of two, 4 or more.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.networks.building import BY_METHOD
from jaxgan.nn import (
    Conv,
    Dense,
    EqualizedLR,
    MinibatchStddev,
    blocks,
    downsample_mean,
    fade_in,
    pixel_norm,
    upsample_nearest,
)
from jaxgan.nn.stages import stage
from jaxgan.nn.weights import parameter, per_channel

SMALLEST = 4
SLOPE = 0.2
# Section 4.1: He's constant before a rectifier. The authors' code takes a quarter of it for the
# generator's first layer, and 1 where no rectifier follows.
RECTIFIED, LINEAR = EqualizedLR(gain=math.sqrt(2)), EqualizedLR()
FIRST = EqualizedLR(gain=math.sqrt(2) / 4)


def sides_of(shape: Sequence[int]) -> list[int]:
    """The sides of the feature maps, 4 first.

    Raises:
      ValueError: if the image is not square, or its side no power of two from 4 on.
    """
    side = shape[0] if shape else 0
    if len(shape) != 3 or shape[1] != side or side < SMALLEST or side & (side - 1):
        raise ValueError(
            f"progan makes square images [H, W, C] whose side is a power of two from 4 on, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )
    return [2**i for i in range(2, side.bit_length())]


def channels(side: int, width: int, max_width: int, widths: Sequence[int]) -> int:
    """Of the maps of this side; side 2 stands for the vectors beyond the maps of 4.

    Raises:
      ValueError: if there would be none.
    """
    if widths:
        stage = max(side.bit_length() - 3, 0)
        if len(widths) <= stage or widths[stage] < 1:
            raise ValueError(f"widths {list(widths)} leaves no channel for maps of {side} pixels")
        return widths[stage]
    if width < side:
        raise ValueError(f"width {width} leaves no channel for maps of {side} pixels")
    return min(width // side, max_width)


def newest(stage: int, sides: Sequence[int]) -> int:
    """The side of the newest stage that runs.

    Raises:
      ValueError: if there is no such stage.
    """
    if stage and stage not in sides:
        known = ", ".join(map(str, sides))
        raise ValueError(f"stage must be the side of a map, one of {known}, not {stage}")
    return stage or sides[-1]


def fades(alpha: jax.Array | float, side: int) -> bool:
    """Whether the stage before this one has a part in what comes out."""
    return side > SMALLEST and not (isinstance(alpha, int | float) and alpha == 1)


def blend(old: jax.Array, new: jax.Array, alpha: jax.Array | float) -> jax.Array:
    """``fade_in`` in float32, given back as ``new`` is."""
    return fade_in(old.astype(jnp.float32), new.astype(jnp.float32), alpha).astype(new.dtype)


class Generator(nn.Module):
    """Latents to images [B, H, W, C], about [-1, 1] and not bounded; labels as one-hot beside them.

    Attributes:
      shape: [H, W, C] of an image.
      width: channels at a side of R are ``width / R``, at most ``max_width``.
      max_width: the most channels of any map.
      widths: channels of each stage instead, the first that of side 4.
      bias_per_pixel: whether the first layer's bias differs between pixels.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      stage: the side of the newest stage that runs; 0: the last. Set by the method.
      alpha: how far it is faded in, where the call does not say. Likewise.
    """

    shape: tuple[int, ...]
    width: int = 16384
    max_width: int = 512
    widths: tuple[int, ...] = ()
    bias_per_pixel: bool = False
    dtype: str = "float32"
    num_classes: int | None = None
    stage: int = dataclasses.field(default=0, metadata=BY_METHOD)
    alpha: float = dataclasses.field(default=1.0, metadata=BY_METHOD)

    @nn.compact
    def __call__(
        self,
        z: jax.Array,
        labels: jax.Array | None = None,
        alpha: jax.Array | float | None = None,
        *,
        train: bool,
    ) -> jax.Array:
        """Images of latents [B, Z], under labels int32 [B] where there are any."""
        sides = sides_of(self.shape)
        last, alpha = newest(self.stage, sides), self.alpha if alpha is None else alpha
        shown = (last // 2, last) if fades(alpha, last) else (last,)
        x = self.start(blocks.condition_latents(z, labels, self.num_classes, "concat"))
        images: dict[int, jax.Array] = {}
        for side in sides:
            if side > last and not self.is_initializing():
                break
            if side > SMALLEST:
                x = self.layer(upsample_nearest(x), side, "up")
            x = stage(self.layer(x, side, "same"))
            if side in shown or self.is_initializing():
                to_image = Conv(
                    self.shape[-1], 1, dtype=self.dtype, weight=LINEAR, name=f"to_image_{side}"
                )
                images[side] = to_image(x).astype(jnp.float32)
        image = images[last]
        if len(shown) > 1:
            image = blend(upsample_nearest(images[last // 2]), image, alpha)
        return upsample_nearest(image, sides[-1] // last)

    def channels(self, side: int) -> int:
        """Of the maps of this side."""
        return channels(side, self.width, self.max_width, self.widths)

    def start(self, z: jax.Array) -> jax.Array:
        """Maps of side 4 from latents [B, Z]."""
        C = self.channels(SMALLEST)
        dense = Dense(
            SMALLEST**2 * C, self.bias_per_pixel, dtype=self.dtype, weight=FIRST, name="dense"
        )
        x = dense(pixel_norm(z)).reshape(-1, SMALLEST, SMALLEST, C)
        if not self.bias_per_pixel:
            bias = parameter(self, "bias", nn.initializers.zeros_init(), (C,))
            x = x + per_channel(bias.astype(x.dtype), x)
        return pixel_norm(nn.leaky_relu(x, SLOPE))

    def layer(self, x: jax.Array, side: int, kind: str) -> jax.Array:
        """A convolution, the rectifier, and pixel norm."""
        conv = Conv(
            self.channels(side), 3, dtype=self.dtype, weight=RECTIFIED, name=f"conv_{side}_{kind}"
        )
        return pixel_norm(nn.leaky_relu(conv(x), SLOPE))


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: channels at a side of R are ``width / R``, at most ``max_width``.
      max_width: the most channels of any map.
      widths: channels of each stage instead, the first that of side 4.
      minibatch_stddev: images in a group whose deviation is one more channel; 0 is none.
      interleaved: whether groups are the authors', see ``nn.minibatch_stddev``.
      unbiased: whether variances in a group are over n - 1.
      fused: whether a stage's last rectifier comes after the map is halved, or before.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      heads: other outputs.
      stage: the side of the newest stage that runs; 0: the last. Set by the method.
      alpha: how far it is faded in, where the call does not say. Likewise.
      axis_name: the mapped axis over which the batch is split.
    """

    width: int = 16384
    max_width: int = 512
    widths: tuple[int, ...] = ()
    minibatch_stddev: int = 4
    interleaved: bool = False
    unbiased: bool = False
    fused: bool = True
    dtype: str = "float32"
    heads: tuple[tuple[str, int], ...] = ()
    stage: int = dataclasses.field(default=0, metadata=BY_METHOD)
    alpha: float = dataclasses.field(default=1.0, metadata=BY_METHOD)
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: jax.Array, alpha: jax.Array | float | None = None, *, train: bool
    ) -> Critique:
        """What is said of images of the full size."""
        sides = sides_of(x.shape[1:])
        last, alpha = newest(self.stage, sides), self.alpha if alpha is None else alpha
        top = sides[-1] if self.is_initializing() else last
        seen = (last // 2,) if fades(alpha, last) else ()
        h = self.from_image(x, top, sides)
        for side in sides[::-1]:
            if side > top:
                continue
            if side < top and (side in seen or self.is_initializing()):
                old = self.from_image(x, side, sides)
                h = blend(old, h, alpha) if side in seen else h
            if side > SMALLEST:
                h = stage(self.halve(self.layer(h, side, side, "same"), side))
        return self.judge(h)

    def channels(self, side: int) -> int:
        """Of the maps of this side."""
        return channels(side, self.width, self.max_width, self.widths)

    def from_image(self, x: jax.Array, side: int, sides: Sequence[int]) -> jax.Array:
        """Maps of this side from images of the full size."""
        image = downsample_mean(x, sides[-1] // side)
        name = f"from_image_{side}"
        conv = Conv(self.channels(side), 1, dtype=self.dtype, weight=RECTIFIED, name=name)
        return nn.leaky_relu(conv(image), SLOPE)

    def layer(self, x: jax.Array, side: int, narrow: int, kind: str) -> jax.Array:
        """A convolution to as many channels as maps of side ``narrow`` have, and the rectifier."""
        return nn.leaky_relu(self.conv(x, side, narrow, kind), SLOPE)

    def conv(self, x: jax.Array, side: int, narrow: int, kind: str) -> jax.Array:
        """That convolution alone."""
        name = f"conv_{side}_{kind}"
        return Conv(self.channels(narrow), 3, dtype=self.dtype, weight=RECTIFIED, name=name)(x)

    def halve(self, x: jax.Array, side: int) -> jax.Array:
        """Maps of half the side."""
        if self.fused:
            return nn.leaky_relu(downsample_mean(self.conv(x, side, side // 2, "down")), SLOPE)
        return downsample_mean(self.layer(x, side, side // 2, "down"))

    def judge(self, x: jax.Array) -> Critique:
        """What is said of maps of side 4."""
        if self.minibatch_stddev:
            x = MinibatchStddev(
                self.minibatch_stddev,
                axis_name=self.axis_name,
                interleaved=self.interleaved,
                unbiased=self.unbiased,
            )(x)
        x = self.layer(x, SMALLEST, SMALLEST, "same")
        x = x.astype(jnp.float32).reshape(x.shape[0], -1)
        dense = Dense(self.channels(SMALLEST // 2), weight=RECTIFIED, name="dense")
        features = nn.leaky_relu(dense(x), SLOPE)
        given: dict[str, Any] = {"weight": LINEAR}
        heads = {name: Dense(n, name=f"head_{name}", **given)(features) for name, n in self.heads}
        return Critique(Dense(1, name="logits", **given)(features)[:, 0], features, heads)
