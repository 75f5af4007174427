"""Mimicry's ResNets: SNGAN, cGAN-PD and SAGAN (Lee and Town 2020, arXiv:2005.02494).

They differ from the papers', and from ``resnet``, in what decides over published weights: maps are
doubled bilinearly, D's blocks rectify in place, so that also what is beside them is rectified, and
D's blocks are as wide inside as what comes in. For square images of 8, 16 or 32 pixels, all
maps of one width; of 48, 64 or 128, by their tables.
"""

import math
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Conv, Dense, SelfAttention, blocks, upsample_bilinear
from jaxgan.nn.residual import DownBlock, UpBlock, batch_norm

# By the image's side, what ``width`` is divided by: in G what comes into each block and goes out of
# the last one, in D what goes out of each.
UP = {48: (1, 2, 4, 8), 64: (1, 2, 4, 8, 16), 128: (1, 1, 2, 4, 8, 16)}
DOWN = {48: (16, 8, 4, 2, 1), 64: (16, 8, 4, 2, 1), 128: (16, 8, 4, 2, 1, 1)}
HALVINGS = {48: 4, 64: 5, 128: 5}
SMALL = (8, 16, 32)
# Xavier's uniform (Glorot and Bengio 2010), and sqrt(2) times it before and after a ReLU.
XAVIER = nn.initializers.variance_scaling(1.0, "fan_avg", "uniform")
XAVIER_RELU = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuses images that there is no table for.

    Raises:
      ValueError: with the sides that there are.
    """
    sides = (*SMALL, *UP)
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] not in sides:
        raise ValueError(
            f"mimicry makes square images [H, W, C] of {', '.join(map(str, sides))} pixels, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: channels of the widest map; 256 at 32 pixels, 512 at 48, 1024 above.
      attention: self-attention at the map of this side (SAGAN: half the image's at 32 pixels, a
        quarter at 128); 0 is nowhere.
      weight: ``'plain'``, ``'spectral'`` (SAGAN) or ``'equalized'``, see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any: they condition the batch norms.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 256
    attention: int = 0
    weight: str = "plain"
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        check_shape(self.shape)
        S = self.shape[0]
        widths = [self.width // n for n in UP.get(S, (1,) * int(math.log2(S) - 1))]
        bottom = S // 2 ** (len(widths) - 1)
        blocks.check_attention(self.attention, [bottom * 2**i for i in range(1, len(widths))])
        weight = blocks.weight(self.weight, train, order="vu")
        norm = batch_norm(labels, train, self.axis_name, self.dtype, num_classes=self.num_classes)
        conv = partial(Conv, dtype=self.dtype, weight=weight)
        dense = Dense(bottom**2 * widths[0], True, XAVIER, dtype=self.dtype, weight=weight)
        x = dense(z).reshape(-1, bottom, bottom, widths[0])
        for features in widths[1:]:
            x = UpBlock(
                features,
                norm,
                partial(conv, kernel_init=XAVIER_RELU),
                partial(conv, kernel_size=1, kernel_init=XAVIER),
                upsample_bilinear,
            )(x, labels)
            if x.shape[1] == self.attention:
                x = SelfAttention(dtype=self.dtype, weight=weight)(x)
        x = nn.relu(blocks.batch_norm(train, self.axis_name, self.dtype)(x))
        x = conv(self.shape[-1], kernel_init=XAVIER)(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: channels of the widest map; 128 at 32 pixels, 1024 above.
      attention: self-attention at the map of this side that is behind the second block (SAGAN); 0
        is nowhere.
      weight: ``'spectral'``, ``'plain'`` or ``'equalized'``, see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any: they are projected.
      heads: other outputs.
      axis_name: not used: no layer couples samples.
    """

    width: int = 128
    attention: int = 0
    weight: str = "spectral"
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        check_shape(x.shape[1:])
        S = x.shape[1]
        widths = [self.width // n for n in DOWN.get(S, (1, 1, 1, 1))]
        halvings = HALVINGS.get(S, 2)
        blocks.check_attention(self.attention, [S // 4, S // 2])
        weight = blocks.weight(self.weight, train, order="vu")
        conv = partial(Conv, dtype=self.dtype, weight=weight)
        for i, features in enumerate(widths):
            x = DownBlock(
                features,
                features if i == 0 else x.shape[-1],
                down=i < halvings,
                first=i == 0,
                conv=partial(conv, kernel_init=XAVIER_RELU),
                shortcut=partial(conv, kernel_size=1, kernel_init=XAVIER),
                rectified=True,
            )(x)
            if i < 2 and x.shape[1] == self.attention:
                x = SelfAttention(dtype=self.dtype, weight=weight)(x)
        return Critique(
            *blocks.judgement(
                nn.relu(x).astype(jnp.float32).sum(axis=(1, 2)),
                labels=labels,
                num_classes=self.num_classes,
                conditioning="projection",
                heads=self.heads,
                kernel_init=XAVIER,
                embedding_init=XAVIER,
                weight=weight,
            )
        )
