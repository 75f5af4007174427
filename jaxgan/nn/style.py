"""What StyleGAN2's networks are made of: the mapping of latents, and equalized convolutions."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.nn import blocks
from jaxgan.nn.equalized import EqualizedLR
from jaxgan.nn.linear import Dense
from jaxgan.nn.modulated import ModulatedConv, resampled_conv
from jaxgan.nn.noise import NoiseInjection, sample_noise
from jaxgan.nn.normalization import instance_norm, pixel_norm
from jaxgan.nn.resample import blur, upsample_nearest
from jaxgan.nn.weights import parameter, per_channel

SLOPE = 0.2
EQUALIZED = EqualizedLR()


def activate(x: jax.Array, gain: float = 1.0, clamp: float = 0.0) -> jax.Array:
    """The leaky rectifier times sqrt(2) and ``gain``; cut off at +-``clamp`` times gain, 0: not."""
    x = nn.leaky_relu(x, SLOPE) * (math.sqrt(2) * gain)
    return jnp.clip(x, -clamp * gain, clamp * gain) if clamp else x


class Mapping(nn.Module):
    """Latents [B, Z] and labels [B] to w [B, D]; of labels alone in a discriminator.

    Attributes:
      features: D.
      layers: dense ones.
      lr_multiplier: of these, not of the labels' map.
      num_classes: of the labels, if any.
    """

    features: int
    layers: int
    lr_multiplier: float = 0.01
    num_classes: int | None = None

    @nn.compact
    def __call__(self, z: jax.Array | None, labels: jax.Array | None) -> jax.Array:  # noqa: D102
        parts = [] if z is None else [pixel_norm(z)]
        if labels is not None and self.num_classes:
            row = blocks.one_hot(labels, self.num_classes)
            parts.append(pixel_norm(Dense(self.features, weight=EQUALIZED, name="embed")(row)))
        x = jnp.concatenate(parts, axis=-1)
        weight = EqualizedLR(lr_multiplier=self.lr_multiplier)
        for i in range(self.layers):
            x = activate(Dense(self.features, weight=weight, name=f"dense_{i}")(x))
        return x


class StyledConv(nn.Module):
    """A modulated convolution, noise, a bias, and the leaky rectifier.

    Attributes:
      features: number of output channels.
      resample: ``None`` or ``'up'``.
      clamp: see ``activate``.
      dtype: of the convolution.
    """

    features: int
    resample: str | None
    clamp: float
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array, noise: Any, layer: int) -> jax.Array:
        """``noise`` is keys [B], folded with ``layer``, or ``'const'`` or ``'none'``."""
        x = ModulatedConv(self.features, resample=self.resample, dtype=self.dtype, name="conv")(
            x, w
        )
        return noisy(self, x, noise, layer, self.clamp)


def noisy(
    module: nn.Module,
    x: jax.Array,
    noise: Any,
    layer: int,
    clamp: float,
    *,
    per_channel: bool = False,
) -> jax.Array:
    """Noise as ``StyledConv`` takes it, and the leaky rectifier, in a compact module."""
    H, W = x.shape[1:3]

    def draw() -> jax.Array:
        return jax.random.normal(module.make_rng("params"), (1, H, W, 1), jnp.float32)

    maps = module.variable("noise", "const", draw).value
    if not isinstance(noise, str):
        maps = sample_noise(noise, H, W, layer)
    elif noise == "none":
        maps = jnp.zeros_like(maps)
    return activate(NoiseInjection(per_channel, name="noise")(x, maps), clamp=clamp)


class AdaINConv(nn.Module):
    """A convolution whose maps are standardized after noise, bias and rectifier, and then styled.

    Karras et al. 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks"
    (arXiv:1812.04948), equation 1; upsampling by repetition, and a blur after the convolution.

    Attributes:
      features: number of output channels.
      resample: ``None`` or ``'up'``.
      clamp: see ``activate``.
      dtype: of the convolution.
      bare: without a convolution: the first layer, of the constant.
    """

    features: int
    resample: str | None
    clamp: float
    dtype: str
    bare: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array, noise: Any, layer: int) -> jax.Array:
        """As ``StyledConv``."""
        if not self.bare:
            x = upsample_nearest(x) if self.resample else x
            x = EqualizedConv(self.features, 3, self.dtype, activated=False, name="conv")(x)
            x = blur(x, (1, 2, 1)) if self.resample else x
        bias = parameter(self, "bias", nn.initializers.zeros_init(), x.shape[-1:])
        x = x + per_channel(bias.astype(x.dtype), x)
        x = instance_norm(noisy(self, x, noise, layer, self.clamp, per_channel=True))
        style = Dense(2 * x.shape[-1], weight=EQUALIZED, name="style")(w).astype(x.dtype)
        scale, shift = jnp.split(style[:, None, None], 2, axis=-1)
        return x * (1 + scale) + shift


class EqualizedConv(nn.Module):
    """An equalized convolution, a bias, and the leaky rectifier, as in StyleGAN2's discriminator.

    Attributes:
      features: number of output channels.
      kernel_size: odd.
      resample: ``None`` or ``'down'``.
      activated: whether a bias and the leaky rectifier follow.
      gain: on what comes out.
      clamp: see ``activate``.
      dtype: of the convolution.
    """

    features: int
    kernel_size: int
    dtype: str
    resample: str | None = None
    activated: bool = True
    gain: float = 1.0
    clamp: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:  # noqa: D102
        k, C = self.kernel_size, x.shape[-1]
        normal, zeros = nn.initializers.normal(1.0), nn.initializers.zeros_init()
        kernel = EQUALIZED(self, "kernel", normal, (k, k, C, self.features), k * k * C)
        y = resampled_conv(x.astype(self.dtype), kernel.astype(self.dtype), self.resample)
        if not self.activated:
            return y * self.gain
        bias = parameter(self, "bias", zeros, (self.features,))
        return activate(y + per_channel(bias.astype(y.dtype), y), self.gain, self.clamp)
