"""R3GAN's networks (Huang et al. 2024, "The GAN is dead; long live the GAN!", arXiv:2501.05441).

Bottlenecks with a grouped convolution of 3 x 3, FIR resampling between stages, no normalization,
no tanh. Each residual branch ends in zeros at the start (fix-up, Zhang et al. 2019,
arXiv:1901.09321). For square images whose side is 4 doubled some times.
"""

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Conv, Dense, Embed, GroupedConv, downsample, upsample
from jaxgan.nn.stages import stage as kept
from jaxgan.nn.weights import parameter, per_channel

SMALLEST, SLOPE = 4, 0.2
# Of a leaky rectifier; in the initialization alone.
GAIN = math.sqrt(2 / (1 + SLOPE**2))
ZEROS = nn.initializers.zeros_init()


def check_stages(shape: tuple[int, ...], **stages: tuple[int, ...]) -> None:
    """Refuses images that so many stages do not make, and stages that differ in number.

    Raises:
      ValueError: with the side that they make.
    """
    counts = {name: len(values) for name, values in stages.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(f"r3gan's stages must have one of each: {told}")
    side = SMALLEST * 2 ** (counts["widths"] - 1)
    if len(shape) != 3 or tuple(shape[:2]) != (side, side):
        raise ValueError(
            f"r3gan with {counts['widths']} widths makes images of {side} x {side} pixels, not "
            f"{list(shape)}; set widths, groups and blocks, one a doubling from {SMALLEST}, or "
            "data.image_size"
        )


def scaled_normal(fan_in: float, gain: float = 1.0) -> nn.initializers.Initializer:
    """N(0, gain / sqrt(fan_in)), or zeros for a gain of 0."""
    return nn.initializers.normal(gain / math.sqrt(fan_in)) if gain else ZEROS


class Block(nn.Module):
    """1 x 1 to twice the width, grouped 3 x 3, 1 x 1 back, added to what came in.

    Attributes:
      groups: of the middle convolution.
      depth: residual blocks in the whole network, which scale its start.
      expansion: of the width between; below 1 it is a bottleneck.
      dtype: of the convolutions.
    """

    groups: int
    depth: int
    expansion: float
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:  # noqa: D102
        C, gain = x.shape[-1], GAIN * self.depth**-0.25
        wide = round(C * self.expansion)
        conv = partial(Conv, kernel_size=1, use_bias=False, dtype=self.dtype)
        h = conv(wide, kernel_init=scaled_normal(C, gain))(x)
        h = GroupedConv(
            wide,
            self.groups,
            kernel_init=scaled_normal(9 * wide / self.groups, gain),
            dtype=self.dtype,
        )(self.activate(h, "bias_0"))
        return x + conv(C, kernel_init=ZEROS)(self.activate(h, "bias_1"))

    def activate(self, x: jax.Array, name: str) -> jax.Array:
        """A bias a channel, and the leaky rectifier."""
        bias = parameter(self, name, ZEROS, (x.shape[-1],))
        return nn.leaky_relu(x + per_channel(bias.astype(x.dtype), x), SLOPE)


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C], about [-1, 1] and not bounded.

    Attributes:
      shape: [H, W, C] of an image.
      widths: channels of each stage, from 4 x 4 on.
      groups: of the grouped convolutions of each stage.
      blocks: of each stage.
      expansion: of a block's width between; below 1 it is a bottleneck.
      embedding: length of a label's vector beside the latent.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (768, 768, 768, 768)
    groups: tuple[int, ...] = (96, 96, 96, 96)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    expansion: float = 2.0
    embedding: int = 64
    dtype: str = "float32"
    num_classes: int | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        check_stages(self.shape, widths=self.widths, groups=self.groups, blocks=self.blocks)
        if labels is not None and self.num_classes:
            init = scaled_normal(self.num_classes)
            row = Embed(self.num_classes, self.embedding, embedding_init=init)(labels)
            z = jnp.concatenate([z, row], axis=-1)
        linear: dict[str, Any] = {"use_bias": False, "dtype": self.dtype}
        width = self.widths[0]
        size = (SMALLEST, SMALLEST, width)
        basis = parameter(self, "basis", nn.initializers.normal(1.0), size)
        row = Dense(width, kernel_init=scaled_normal(z.shape[-1]), **linear)(z)
        x = basis[None].astype(row.dtype) * row[:, None, None]
        for stage, (wide, groups, blocks) in enumerate(
            zip(self.widths, self.groups, self.blocks, strict=True)
        ):
            if x.shape[-1] != wide:
                init = scaled_normal(x.shape[-1])
                x = Conv(wide, 1, kernel_init=init, name=f"widen_{stage}", **linear)(x)
            if stage:
                x = upsample(x)
            for _ in range(blocks):
                x = kept(Block(groups, sum(self.blocks), self.expansion, self.dtype)(x))
        init = scaled_normal(x.shape[-1])
        x = Conv(self.shape[-1], 1, kernel_init=init, name="to_image", **linear)(x)
        return x.astype(jnp.float32)


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``; under labels the product with a label's vector.

    Attributes:
      widths: channels of each stage, from 4 x 4 on, as the generator's.
      groups: of the grouped convolutions of each stage.
      blocks: of each stage.
      expansion: of a block's width between; below 1 it is a bottleneck.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
    """

    widths: tuple[int, ...] = (768, 768, 768, 768)
    groups: tuple[int, ...] = (96, 96, 96, 96)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    expansion: float = 2.0
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        check_stages(x.shape[1:], widths=self.widths, groups=self.groups, blocks=self.blocks)
        linear: dict[str, Any] = {"use_bias": False, "dtype": self.dtype}
        init = scaled_normal(x.shape[-1])
        x = Conv(self.widths[-1], 1, kernel_init=init, name="from_image", **linear)(x)
        for stage in range(len(self.widths) - 1, -1, -1):
            for _ in range(self.blocks[stage]):
                x = kept(Block(self.groups[stage], sum(self.blocks), self.expansion, self.dtype)(x))
            wide = self.widths[max(stage - 1, 0)]
            if stage:
                x = downsample(x)
            if x.shape[-1] != wide:
                init = scaled_normal(x.shape[-1])
                x = Conv(wide, 1, kernel_init=init, name=f"widen_{stage}", **linear)(x)
        width = self.widths[0]
        size = (SMALLEST, SMALLEST, width)
        basis = parameter(self, "basis", scaled_normal(SMALLEST**2), size)
        features = jnp.sum(x.astype(jnp.float32) * basis[None], axis=(1, 2))
        dense = partial(Dense, use_bias=False, kernel_init=scaled_normal(width))
        heads = {name: dense(n, name=f"head_{name}")(features) for name, n in self.heads}
        if labels is None or not self.num_classes:
            return Critique(dense(1, name="logits")(features)[:, 0], features, heads)
        if labels.ndim != 1:
            raise ValueError("r3gan judges single samples under their labels: techniques.pack=1")
        init = scaled_normal(self.num_classes, width**-0.5)
        row = Embed(self.num_classes, width, embedding_init=init, name="label_embedding")(labels)
        return Critique(jnp.sum(dense(width, name="logits")(features) * row, 1), features, heads)
