"""The standard CNN of spectral normalization (Miyato et al. 2018, arXiv:1802.05957, table 3).

For square images of 8 to 128 pixels; on 32 the widths and maps are the table's: a generator of 512,
256, 128, 64 channels from 4x4, and a discriminator of seven convolutions that halve three times.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Conv, ConvTranspose, Dense, SelfAttention, blocks

SMALLEST, LARGEST = 8, 128


def sides_of(shape: tuple[int, ...], coarsest: int) -> list[int]:
    """The sides of the feature maps, largest first, down to ``coarsest`` pixels or less.

    Raises:
      ValueError: if the image is not square, or smaller than 8 or larger than 128 pixels.
    """
    square = len(shape) == 3 and shape[0] == shape[1]
    if not square or not SMALLEST <= shape[0] <= LARGEST:
        raise ValueError(
            f"sncnn makes square images [H, W, C] of {SMALLEST} to {LARGEST} pixels, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )
    sides = [shape[0]]
    while sides[-1] > coarsest:
        sides.append(-(-sides[-1] // 2))
    return sides


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: the channels of the finest hidden map; each coarser one has twice as many.
      max_width: the most channels of any map.
      attention: self-attention (Zhang et al. 2019, arXiv:1805.08318) at the map of this side; 0 is
        nowhere.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    max_width: int = 512
    attention: int = 0
    weight: str = "plain"
    conditioning: str = "concat"
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        sides = sides_of(self.shape, 4)
        blocks.check_attention(self.attention, sides[:-1])
        norm = blocks.normalizer(
            "batch",
            train,
            self.axis_name,
            dtype=self.dtype,
            labels=labels if self.conditioning == "projection" else None,
            num_classes=self.num_classes,
        )
        hidden = blocks.weight(self.weight, train, 2**0.5)
        last: dict[str, Any] = {"dtype": self.dtype, "weight": blocks.weight(self.weight, train)}
        up = partial(ConvTranspose, kernel_size=4, use_bias=False, dtype=self.dtype, weight=hidden)
        z = blocks.condition_latents(z, labels, self.num_classes, self.conditioning)

        def width(level: int) -> int:
            return min(self.width * 2**level, self.max_width)

        levels, top = len(sides) - 1, sides[-1]
        x = Dense(top * top * width(levels), dtype=self.dtype, weight=hidden)(z)
        x = x.reshape(-1, top, top, width(levels))
        for level in range(levels - 1, -1, -1):
            side = sides[level]
            x = up(width(level), output_size=(side, side))(x)
            x = nn.relu(norm(x))
            if side == self.attention:
                x = SelfAttention(pool=side % 2 == 0, **last)(x)
        x = Conv(self.shape[-1], 3, **last)(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: the channels of the finest maps; each coarser one has twice as many.
      max_width: the most channels of any map.
      slope: of the leaky ReLU.
      attention: self-attention at the map of this side; 0 is nowhere.
      weight: ``'spectral'`` as in the paper, ``'plain'`` or ``'equalized'``, see ``blocks``.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: not used: no layer couples samples.
    """

    width: int = 64
    max_width: int = 512
    slope: float = 0.1
    attention: int = 0
    weight: str = "spectral"
    conditioning: str = "concat"
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        sides = sides_of(x.shape[1:], 4)
        blocks.check_attention(self.attention, sides[1:])
        last = blocks.weight(self.weight, train)
        conv = partial(Conv, dtype=self.dtype, weight=blocks.weight(self.weight, train, 2**0.5))
        x = blocks.condition_samples(x, labels, self.num_classes, self.conditioning)
        for level in range(len(sides) - 1):
            wide = min(self.width * 2**level, self.max_width)
            x = nn.leaky_relu(conv(wide, 3)(x), self.slope)
            x = nn.leaky_relu(conv(wide, 4, strides=2)(x), self.slope)
            side = x.shape[1]
            if side == self.attention:
                x = SelfAttention(dtype=self.dtype, weight=last, pool=side % 2 == 0)(x)
        wide = min(self.width * 2 ** (len(sides) - 1), self.max_width)
        x = nn.leaky_relu(conv(wide, 3)(x), self.slope)
        return Critique(
            *blocks.judgement(
                x.reshape(x.shape[0], -1),
                labels=labels,
                num_classes=self.num_classes,
                conditioning=self.conditioning,
                heads=self.heads,
                weight=last,
            )
        )
