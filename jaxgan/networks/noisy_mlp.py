"""Dense networks with noise on every layer and weight norm: semi-supervised MNIST's of 2016.

Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section 5 and the
authors' code; the layers without a decoder of the ladder network (Rasmus et al. 2015,
arXiv:1507.02672).
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Dense, blocks
from jaxgan.nn.weights import parameter, per_channel

EPSILON = 1e-12
SMALLEST = 1e-6


class WeightNormDense(nn.Module):
    """A linear map of [B, C] to [B, features] whose kernel has columns of a given length.

    Salimans and Kingma 2016, "Weight Normalization" (arXiv:1602.07868): eq. 2, and the start of
    section 3, where each output has mean 0 and variance 1 over the inputs that the network is made
    with.

    Attributes:
      features: number of outputs.
      learned: whether the lengths change; else they stay as they started, in ``lengths``.
      start: the lengths at the start, and biases of 0; 0 for a start from the inputs.
      dtype: of the product; what it is scaled to is float32.
      kernel_init: of the directions. The longer these are, the slower they turn.
    """

    features: int
    learned: bool = False
    start: float = 0.0
    dtype: str = "float32"
    kernel_init: Callable[..., Any] = nn.initializers.normal(0.1)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:  # noqa: D102
        v = parameter(self, "kernel", self.kernel_init, (x.shape[-1], self.features))
        w = v * jax.lax.rsqrt(jnp.sum(jnp.square(v), axis=0, keepdims=True) + EPSILON)
        t = jnp.matmul(
            x.astype(self.dtype), w.astype(self.dtype), preferred_element_type=jnp.float32
        )

        def length() -> jax.Array:
            if self.start:
                return jnp.full((self.features,), self.start, jnp.float32)
            std = jnp.std(t, axis=0)
            # Inputs that are all alike, as zeros that only have a shape, say nothing.
            return jnp.where(std > SMALLEST, 1 / jnp.maximum(std, SMALLEST), 1.0)

        def bias(key: jax.Array) -> jax.Array:
            mean = jnp.mean(t, axis=0)
            return jnp.zeros_like(mean) if self.start else -mean * length()

        if self.learned:
            g = self.param("length", lambda key: length())
        else:
            g = self.variable("lengths", "length", length).value
        b = self.param("bias", bias)
        return t * per_channel(g, t) + per_channel(b, t)


class Generator(nn.Module):
    """Latents [B, Z] to images [B, *shape] in [-1, 1].

    Attributes:
      shape: the shape of one sample.
      features: the widths of the hidden layers: softplus of batch norm.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    features: tuple[int, ...] = (500, 500)
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: jax.Array, *, train: bool) -> jax.Array:  # noqa: D102
        for width in self.features:
            z = Dense(width, use_bias=False, dtype=self.dtype)(z)
            z = nn.softplus(blocks.batch_norm(train, self.axis_name, self.dtype)(z))
        x = WeightNormDense(math.prod(self.shape), learned=True, start=1.0, dtype=self.dtype)(z)
        # The sigmoid of the paper, from [0, 1] to [-1, 1].
        return jnp.tanh(x / 2).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images [B, *shape] to a ``Critique``: ReLU layers, noise before each and before the last.

    The noise is an input, so that several passes can share one draw; without it there is none. The
    network should be made with real images and noise, see ``WeightNormDense``.

    Attributes:
      features: the widths of the hidden layers.
      input_noise: standard deviation of the noise on the image, which is taken to [0, 1].
      noise: of that on each hidden layer.
      gain: the lengths of the hidden layers' kernels; 0 for the authors' start, see
        ``WeightNormDense``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      heads: other outputs.
    """

    features: tuple[int, ...] = (1000, 500, 250, 250, 250)
    input_noise: float = 0.3
    noise: float = 0.5
    gain: float = 2**0.5
    dtype: str = "float32"
    heads: tuple[tuple[str, int], ...] = ()

    @nn.nowrap
    def noise_size(self, shape: tuple[int, ...]) -> int:
        """Standard normal values that a pass over one sample of ``shape`` takes."""
        return math.prod(shape) + sum(self.features)

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, noise: jax.Array | None = None, *, train: bool
    ) -> Critique:
        used = 0

        def noisy(h: jax.Array, std: float) -> jax.Array:
            nonlocal used
            if noise is None:
                return h
            part = noise[:, used : used + h.shape[1]]
            used += h.shape[1]
            return h + std * part

        # In [0, 1] a background is 0, and moves no weights; at -1 it would move all of them alike.
        h = noisy((x.reshape(x.shape[0], -1) + 1) / 2, self.input_noise)
        features = h
        for width in self.features:
            features = nn.relu(WeightNormDense(width, start=self.gain, dtype=self.dtype)(h))
            h = noisy(features, self.noise)
        # Only here are the lengths learned, as in the authors' code.
        heads = {
            name: WeightNormDense(n, learned=True, start=float(self.gain > 0), name=f"head_{name}")(
                h
            )
            for name, n in (("logits", 1), *self.heads)
        }
        logits = heads.pop("logits")[:, 0]
        # The means that the generator matches are those of the layer before its noise.
        return Critique(logits, features, heads)
