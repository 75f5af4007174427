"""DCGAN (Radford et al. 2015, arXiv:1511.06434, section 3), for square images of 8 to 128 pixels.

Strided and transposed convolutions instead of pooling; batch norm except at the generator's output
and the discriminator's input; ReLU and tanh in the generator, leaky ReLU in the discriminator;
weights from N(0, 0.02). The encoder is the discriminator's convolutions under another end.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique, Posterior
from jaxgan.networks.mlp import OUTPUTS, posterior
from jaxgan.nn import Conv, ConvTranspose, Dense, MinibatchStddev, blocks

SMALLEST, LARGEST = 8, 128


def pyramid(shape: tuple[int, ...]) -> list[int]:
    """The sides of the feature maps of an image of ``shape``, largest first: 28, 14, 7.

    At least two halvings, and as many as it takes to come down to 7 pixels or less.

    Raises:
      ValueError: if the image is not square, or smaller than 8 or larger than 128 pixels.
    """
    square = len(shape) == 3 and shape[0] == shape[1]
    if not square or not SMALLEST <= shape[0] <= LARGEST:
        raise ValueError(
            f"dcgan makes square images [H, W, C] of {SMALLEST} to {LARGEST} pixels, not "
            f"{list(shape)}; set data.image_size, or take another network"
        )
    sides = [shape[0]]
    while sides[-1] > 7 or len(sides) < 3:
        sides.append(-(-sides[-1] // 2))
    return sides


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: the channels of the last hidden map; each coarser one has twice as many.
      max_width: the most channels of any map.
      output: ``'tanh'``, or ``'linear'`` for logits.
      kernel_size: of the transposed convolutions.
      normalization: of every map but the last: ``'batch'``, ``'instance'``, ``'layer'``,
        ``'virtual'`` or ``'none'``.
      reference: latents in virtual batch norm's reference batch.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    max_width: int = 512
    output: str = "tanh"
    kernel_size: int = 4
    normalization: str = "batch"
    reference: int = 64
    weight: str = "plain"
    conditioning: str = "concat"
    dtype: str = "float32"
    convolution: str = "canonical"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        blocks.choose("output", self.output, tuple(OUTPUTS))
        sides = pyramid(self.shape)
        extra = self.reference if self.normalization == "virtual" else 0
        if extra:
            z = blocks.with_reference(self, z, extra)
            if labels is not None and self.num_classes:
                first = blocks.cycle(extra, self.num_classes)
                if labels.ndim == 2:  # mixtures of classes
                    first = blocks.one_hot(first, self.num_classes)
                labels = jnp.concatenate([first, labels])
        norm = blocks.normalizer(
            self.normalization,
            train,
            self.axis_name,
            dtype=self.dtype,
            scale_init=blocks.normal_about_one,
            labels=labels if self.conditioning == "projection" else None,
            num_classes=self.num_classes,
            reference=extra,
        )
        bias = self.normalization == "none"
        given: dict[str, Any] = {
            "kernel_init": blocks.NORMAL,
            "dtype": self.dtype,
            "weight": blocks.weight(self.weight, train, 2**0.5),
        }
        up = partial(
            ConvTranspose,
            kernel_size=self.kernel_size,
            implementation=self.convolution,
            kernel_init=blocks.NORMAL,
            dtype=self.dtype,
        )

        def width(level: int) -> int:
            return min(self.width * 2**level, self.max_width)

        z = blocks.condition_latents(z, labels, self.num_classes, self.conditioning)
        top, levels = sides[-1], len(sides) - 1
        x = Dense(top * top * width(levels - 1), use_bias=bias, **given)(z)
        x = nn.relu(norm(x.reshape(-1, top, top, width(levels - 1))))
        for level in range(levels - 1, 0, -1):
            side = sides[level]
            x = up(
                width(level - 1), use_bias=bias, output_size=(side, side), weight=given["weight"]
            )(x)
            x = nn.relu(norm(x))
        last = blocks.weight(self.weight, train)
        x = up(self.shape[-1], output_size=(sides[0], sides[0]), weight=last)(x[extra:])
        return OUTPUTS[self.output](x.astype(jnp.float32))


def down(
    network: Any, x: jax.Array, levels: int, slope: float, weight: blocks.Weight, train: bool
) -> jax.Array:
    """The strided convolutions of a discriminator or an encoder, called within it."""
    normalizations = ("batch", "instance", "layer", "none")
    blocks.choose("normalization", network.normalization, normalizations)
    norm = blocks.normalizer(
        network.normalization,
        train,
        network.axis_name,
        dtype=network.dtype,
        scale_init=blocks.normal_about_one,
    )
    for level in range(levels):
        normalized = network.normalization != "none" and level > 0
        x = Conv(
            min(network.width * 2**level, network.max_width),
            kernel_size=network.kernel_size,
            strides=2,
            use_bias=not normalized,
            kernel_init=blocks.NORMAL,
            dtype=network.dtype,
            implementation=network.convolution,
            weight=weight,
        )(x)
        x = nn.leaky_relu(norm(x) if normalized else x, slope)
    return x


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: the channels of the first map; each coarser one has twice as many.
      max_width: the most channels of any map.
      kernel_size: of the convolutions.
      slope: of the leaky ReLU.
      normalization: of every map but the first: ``'batch'``, ``'instance'``, ``'layer'`` or
        ``'none'``. A penalty on the gradient of single samples wants no ``'batch'``.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      minibatch_stddev: images in a group (4 in StyleGAN2) whose deviation is one more channel
        (Karras et al. 2018, arXiv:1710.10196, section 3); 0 is none.
      minibatch_discrimination: values of it (Salimans et al. 2016, section 3.2); 0 is none.
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    width: int = 64
    max_width: int = 512
    kernel_size: int = 4
    slope: float = 0.2
    normalization: str = "batch"
    weight: str = "plain"
    minibatch_stddev: int = 0
    minibatch_discrimination: int = 0
    conditioning: str = "concat"
    dtype: str = "float32"
    convolution: str = "canonical"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        levels = len(pyramid(x.shape[1:])) - 1
        x = blocks.condition_samples(x, labels, self.num_classes, self.conditioning)
        x = down(self, x, levels, self.slope, blocks.weight(self.weight, train, 2**0.5), train)
        if self.minibatch_stddev:
            x = MinibatchStddev(self.minibatch_stddev, axis_name=self.axis_name)(x)
        return Critique(
            *blocks.judgement(
                x.reshape(x.shape[0], -1),
                labels=labels,
                num_classes=self.num_classes,
                conditioning=self.conditioning,
                heads=self.heads,
                minibatch_discrimination=self.minibatch_discrimination,
                axis_name=self.axis_name,
                kernel_init=blocks.NORMAL,
                weight=blocks.weight(self.weight, train),
            )
        )


class Encoder(nn.Module):
    """Images [B, H, W, C] to a ``Posterior``.

    Attributes:
      shape: (Z,) of the latents.
      width: the channels of the first map; each coarser one has twice as many.
      max_width: the most channels of any map.
      kernel_size: of the convolutions.
      normalization: of every map but the first: ``'batch'``, ``'instance'``, ``'layer'`` or
        ``'none'``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    max_width: int = 512
    kernel_size: int = 4
    normalization: str = "batch"
    dtype: str = "float32"
    convolution: str = "canonical"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Posterior:  # noqa: D102
        x = down(self, x, len(pyramid(x.shape[1:])) - 1, 0.2, blocks.weight("plain", train), train)
        return posterior(x.reshape(x.shape[0], -1), *self.shape, kernel_init=blocks.NORMAL)
