"""The autoencoder of latent diffusion: images to a map of latents, and back.

Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models"
(arXiv:2112.10752), as Stable Diffusion's is published: residual blocks of group norm, SiLU and 3x3
convolutions, an attention over the coarsest map, no other nonlinearity at either end. It takes
images of any size that its halvings divide.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Posterior
from jaxgan.networks.mlp import OUTPUTS
from jaxgan.nn import Conv, Dense, blocks, upsample_nearest
from jaxgan.nn.stages import stage

# Of every group norm.
EPSILON = 1e-6
# What the logarithm of a variance is kept within.
LOWEST, HIGHEST = -30.0, 20.0


def latent_map(shape: tuple[int, ...], halvings: int, size: int) -> tuple[int, int, int]:
    """[h, w, c] of the ``size`` latents of an image [H, W, C].

    Raises:
      ValueError: if the halvings do not divide the image, or its map the latents.
    """
    factor = 2**halvings
    if len(shape) != 3 or shape[0] % factor or shape[1] % factor:
        raise ValueError(
            f"autoencoder halves images [H, W, C] {halvings} times, which {list(shape)} cannot be; "
            f"set data.image_size, or other widths: one halving less than there are"
        )
    h, w = shape[0] // factor, shape[1] // factor
    if size < 1 or size % (h * w):
        raise ValueError(
            f"latent_dim must be a multiple of {h * w}, so many channels of a map of {h} x {w}, "
            f"not {size}"
        )
    return h, w, size // (h * w)


def check(widths: tuple[int, ...], groups: int, blocks: int) -> None:
    """Refuses what no network can be made of.

    Raises:
      ValueError: naming the field.
    """
    if not widths or groups < 1 or any(width < 1 or width % groups for width in widths):
        raise ValueError(f"groups must divide each of the widths {tuple(widths)}, not {groups}")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, not {blocks}")


@dataclasses.dataclass(frozen=True)
class Layers:
    """What both networks are made of: its layers are of the module within which it is asked.

    Attributes:
      groups: of a group norm.
      dtype: in which to compute.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
    """

    groups: int
    dtype: str
    convolution: str

    def norm(self, name: str) -> nn.GroupNorm:
        """A group norm, its statistics in float32."""
        # The fast formula, E[x^2] - E[x]^2, loses the variance where means are large.
        return nn.GroupNorm(
            self.groups, epsilon=EPSILON, dtype=self.dtype, use_fast_variance=False, name=name
        )

    def conv(self, features: int, name: str, **more: Any) -> Conv:
        """A convolution, 3x3 unless it is told."""
        given: dict[str, Any] = {"dtype": self.dtype, "implementation": self.convolution}
        return Conv(features, name=name, **given, **more)


class Residual(nn.Module):
    """Norm, SiLU, conv, norm, SiLU, conv; and beside it a 1x1 convolution where it is needed.

    Attributes:
      layers: what it is made of.
      features: channels.
    """

    layers: Layers
    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps ``x`` [B, H, W, C] to as many channels as ``features``."""
        h = self.layers.conv(self.features, "conv_0")(nn.silu(self.layers.norm("norm_0")(x)))
        h = self.layers.conv(self.features, "conv_1")(nn.silu(self.layers.norm("norm_1")(h)))
        if x.shape[-1] != self.features:
            x = self.layers.conv(self.features, "shortcut", kernel_size=1)(x)
        return x + h


class Attention(nn.Module):
    """Every pixel attends to all, by one head; what it finds is added.

    Attributes:
      layers: what it is made of.
    """

    layers: Layers

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Attends over ``x`` [B, H, W, C]; the output has its shape."""
        B, H, W, C = x.shape
        h = self.layers.norm("norm")(x).reshape(B, H * W, C)
        dense = partial(Dense, C, dtype=self.layers.dtype)
        query, key, value = (dense(name=name)(h)[:, :, None] for name in ("query", "key", "value"))
        h = jax.nn.dot_product_attention(query, key, value)[:, :, 0]
        return x + dense(name="output")(h).reshape(x.shape)


class Middle(nn.Module):
    """A residual block, an attention, a residual block, of the width of their map.

    Attributes:
      layers: what it is made of.
      attention: whether there is one.
    """

    layers: Layers
    attention: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps ``x`` [B, H, W, C]; the output has its shape."""
        x = Residual(self.layers, x.shape[-1], name="block_0")(x)
        if self.attention:
            x = Attention(self.layers, name="attention")(x)
        return Residual(self.layers, x.shape[-1], name="block_1")(x)


class Encoder(nn.Module):
    """Images [B, H, W, C] to a ``Posterior`` of latents [B, h w c], row by row, channels last.

    Attributes:
      shape: (h w c,) of the latents; h and w are the image's, halved once for each width but one.
      widths: channels of each stage, the finest map first.
      blocks: residual blocks of a stage.
      groups: of each group norm.
      middle_attention: whether the coarsest map has an attention.
      pointwise: whether a 1x1 convolution of mean and log-variance comes last.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    groups: int = 32
    middle_attention: bool = True
    pointwise: bool = True
    dtype: str = "float32"
    convolution: str = "canonical"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Posterior:  # noqa: D102
        check(self.widths, self.groups, self.blocks)
        h, w, c = latent_map(x.shape[1:], len(self.widths) - 1, *self.shape)
        layers = Layers(self.groups, self.dtype, self.convolution)
        x = layers.conv(self.widths[0], "conv_in")(x)
        for i, width in enumerate(self.widths):
            for j in range(self.blocks):
                x = Residual(layers, width, name=f"block_{i}_{j}")(x)
            if i < len(self.widths) - 1:
                # The odd pixel of padding comes after the image.
                after = {"strides": 2, "padding": ((0, 1), (0, 1))}
                x = layers.conv(width, f"down_{i}", **after)(x)
            x = stage(x)
        x = Middle(layers, self.middle_attention, name="middle")(x)
        x = layers.conv(2 * c, "conv_out")(nn.silu(layers.norm("norm_out")(x)))
        if self.pointwise:
            x = layers.conv(2 * c, "pointwise", kernel_size=1)(x)
        moments = x.astype(jnp.float32)
        mean, log_variance = (
            part.reshape(-1, h * w * c) for part in jnp.split(moments, 2, axis=-1)
        )
        return Posterior(mean, jnp.clip(log_variance, LOWEST, HIGHEST))


class Generator(nn.Module):
    """Latents [B, h w c], row by row, channels last, to images [B, H, W, C].

    Attributes:
      shape: [H, W, C] of an image.
      widths: as the encoder's: the finest map first.
      blocks: as the encoder's; a stage has one more here.
      groups: of each group norm.
      middle_attention: whether the coarsest map has an attention.
      pointwise: whether a 1x1 convolution of the latents comes first.
      output: ``'linear'``, or ``'tanh'`` for images in [-1, 1].
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    groups: int = 32
    middle_attention: bool = True
    pointwise: bool = True
    output: str = "linear"
    dtype: str = "float32"
    convolution: str = "canonical"

    @nn.compact
    def __call__(self, z: jax.Array, *, train: bool) -> jax.Array:  # noqa: D102
        blocks.choose("output", self.output, tuple(OUTPUTS))
        check(self.widths, self.groups, self.blocks)
        grid = latent_map(self.shape, len(self.widths) - 1, z.shape[-1])
        layers = Layers(self.groups, self.dtype, self.convolution)
        x = z.reshape(-1, *grid)
        if self.pointwise:
            x = layers.conv(grid[-1], "pointwise", kernel_size=1)(x)
        x = layers.conv(self.widths[-1], "conv_in")(x)
        x = stage(Middle(layers, self.middle_attention, name="middle")(x))
        for i, width in reversed(list(enumerate(self.widths))):
            for j in range(self.blocks + 1):
                x = Residual(layers, width, name=f"block_{i}_{j}")(x)
            if i:
                x = layers.conv(width, f"up_{i}")(upsample_nearest(x))
            x = stage(x)
        x = layers.conv(self.shape[-1], "conv_out")(nn.silu(layers.norm("norm_out")(x)))
        return OUTPUTS[self.output](x.astype(jnp.float32))
