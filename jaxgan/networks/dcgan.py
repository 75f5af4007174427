"""DCGAN (Radford et al. 2015, arXiv:1511.06434, section 3), for square images of 8 to 128 pixels.

Strided and transposed convolutions instead of pooling; batch norm except at the generator's output
and the discriminator's input; ReLU and tanh in the generator, leaky ReLU in the discriminator;
weights from N(0, 0.02).
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn import Conv, ConvTranspose

SMALLEST, LARGEST = 8, 128
normal = nn.initializers.normal(0.02)


def normal_about_one(key: jax.Array, shape: tuple, dtype: jnp.dtype = jnp.float32) -> jax.Array:
    """Batch norm's scale at the start: N(1, 0.02), as the authors' code has it."""
    return 1 + normal(key, shape, dtype)


def batch_norm(train: bool, dtype: str, axis_name: str | None) -> nn.BatchNorm:
    """Batch norm over all devices."""
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        # The fast formula, E[x^2] - E[x]^2, loses the variance where means are large.
        use_fast_variance=False,
        scale_init=normal_about_one,
        dtype=dtype,
        axis_name=axis_name,
    )


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
      kernel_size: of the transposed convolutions.
      dtype: in which to compute, ``'float32'`` or ``'bfloat16'``; parameters stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    max_width: int = 512
    kernel_size: int = 4
    dtype: str = "float32"
    convolution: str = "canonical"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:  # noqa: D102
        sides = pyramid(self.shape)
        norm = partial(batch_norm, train=train, dtype=self.dtype, axis_name=self.axis_name)
        up = partial(
            ConvTranspose,
            kernel_size=self.kernel_size,
            kernel_init=normal,
            dtype=self.dtype,
            implementation=self.convolution,
        )

        def width(level: int) -> int:
            return min(self.width * 2**level, self.max_width)

        top, levels = sides[-1], len(sides) - 1
        x = nn.Dense(
            top * top * width(levels - 1), use_bias=False, kernel_init=normal, dtype=self.dtype
        )(z)
        x = nn.relu(norm()(x.reshape(-1, top, top, width(levels - 1))))
        for level in range(levels - 1, 0, -1):
            side = sides[level]
            x = up(width(level - 1), use_bias=False, output_size=(side, side))(x)
            x = nn.relu(norm()(x))
        x = up(self.shape[-1], output_size=(sides[0], sides[0]))(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images [B, H, W, C] to logits [B].

    Attributes:
      width: the channels of the first map; each coarser one has twice as many.
      max_width: the most channels of any map.
      kernel_size: of the convolutions.
      slope: of the leaky ReLU.
      batch_norm: normalize every map but the first (a penalty on the gradient of single samples
        wants this off).
      dtype: in which to compute, ``'float32'`` or ``'bfloat16'``; parameters stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    width: int = 64
    max_width: int = 512
    kernel_size: int = 4
    slope: float = 0.2
    batch_norm: bool = True
    dtype: str = "float32"
    convolution: str = "canonical"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:  # noqa: D102
        levels = len(pyramid(x.shape[1:])) - 1
        for level in range(levels):
            normalized = self.batch_norm and level > 0
            x = Conv(
                min(self.width * 2**level, self.max_width),
                kernel_size=self.kernel_size,
                strides=2,
                use_bias=not normalized,
                kernel_init=normal,
                dtype=self.dtype,
                implementation=self.convolution,
            )(x)
            if normalized:
                x = batch_norm(train, self.dtype, self.axis_name)(x)
            x = nn.leaky_relu(x, self.slope)
        x = x.reshape(x.shape[0], -1).astype(jnp.float32)
        return nn.Dense(1, kernel_init=normal)(x)[:, 0]
