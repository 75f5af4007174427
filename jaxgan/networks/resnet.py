"""The 32x32 ResNet of spectral normalization (Miyato et al. 2018, arXiv:1802.05957, table 4).

For square images whose side is 4 to 7 pixels doubled some times: 8, 12, 14, 16, 20, 24, 28, 32, ...
On 32 the maps are the table's; 28 has two doublings from 7. Blocks as in figure 8 there.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Conv, Dense, SelfAttention, blocks
from jaxgan.nn.residual import DownBlock, UpBlock, batch_norm
from jaxgan.nn.stages import stage


def doublings(shape: tuple[int, ...]) -> tuple[int, int]:
    """The side of the coarsest map, 4 to 7 pixels, and how often it doubles.

    Raises:
      ValueError: if the image is not square, or of no such side.
    """
    side, count = shape[0], 0
    while side > 7 and side % 2 == 0:
        side, count = side // 2, count + 1
    if len(shape) != 3 or shape[0] != shape[1] or not 4 <= side <= 7 or not count:
        raise ValueError(
            f"resnet makes square images [H, W, C] whose side is 4 to 7 doubled some times, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )
    return side, count


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: channels of every map; 256 in the table.
      attention: self-attention (Zhang et al. 2019, arXiv:1805.08318) at the map of this side; 0 is
        nowhere.
      weight: ``'plain'``, ``'spectral'`` (SAGAN) or ``'equalized'``, see ``blocks``.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 256
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
        side, count = doublings(self.shape)
        blocks.check_attention(self.attention, [side * 2**i for i in range(1, count + 1)])
        weight = blocks.weight(self.weight, train)
        told = labels if self.conditioning == "projection" else None
        norm = batch_norm(told, train, self.axis_name, self.dtype, num_classes=self.num_classes)
        conv = partial(Conv, dtype=self.dtype, weight=weight)
        z = blocks.condition_latents(z, labels, self.num_classes, self.conditioning)
        x = Dense(side * side * self.width, dtype=self.dtype, weight=weight)(z)
        x = x.reshape(-1, side, side, self.width)
        for _ in range(count):
            x = stage(UpBlock(self.width, norm, conv, partial(conv, kernel_size=1))(x, told))
            if x.shape[1] == self.attention:
                x = SelfAttention(dtype=self.dtype, weight=weight)(x)
        x = nn.relu(blocks.batch_norm(train, self.axis_name, self.dtype)(x))
        x = conv(self.shape[-1])(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Two blocks that halve, two that do not, ReLU, the sum over pixels, a linear map.

    Attributes:
      width: channels of every map; 128 in the table.
      attention: self-attention at the map of this side; 0 is nowhere.
      weight: ``'spectral'`` as in the paper, ``'plain'`` or ``'equalized'``, see ``blocks``.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: not used: no layer couples samples.
    """

    width: int = 128
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
        doublings(x.shape[1:])
        half = x.shape[1] // 2
        blocks.check_attention(self.attention, [half])
        weight = blocks.weight(self.weight, train)
        conv = partial(Conv, dtype=self.dtype, weight=weight)
        x = blocks.condition_samples(x, labels, self.num_classes, self.conditioning)
        for i in range(4):
            # A map of odd side stays as it is.
            down, shortcut = i < 2 and x.shape[1] % 2 == 0, partial(conv, kernel_size=1)
            x = stage(DownBlock(self.width, self.width, down, i == 0, conv, shortcut)(x))
            if i == 0 and half == self.attention:
                x = SelfAttention(dtype=self.dtype, weight=weight, pool=half % 2 == 0)(x)
        return Critique(
            *blocks.judgement(
                nn.relu(x).astype(jnp.float32).sum(axis=(1, 2)),
                labels=labels,
                num_classes=self.num_classes,
                conditioning=self.conditioning,
                heads=self.heads,
                weight=weight,
            )
        )
