"""Dense networks: the generator and discriminator of the first GAN (Goodfellow et al. 2014).

They make and judge samples of any shape, images and points alike.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

OUTPUTS = {"tanh": jnp.tanh, "linear": lambda x: x}


class Generator(nn.Module):
    """Latents [B, Z] to samples [B, *shape].

    Attributes:
      shape: the shape of one sample.
      features: the widths of the hidden layers.
      batch_norm: normalize each hidden layer.
      output: ``'tanh'`` for images in [-1, 1], ``'linear'`` for points.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    features: tuple[int, ...] = (256, 512, 1024)
    batch_norm: bool = False
    output: str = "tanh"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:  # noqa: D102
        if self.output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, not {self.output!r}")
        x = z
        for width in self.features:
            x = nn.Dense(width, use_bias=not self.batch_norm)(x)
            if self.batch_norm:
                x = nn.BatchNorm(
                    use_running_average=not train,
                    # The fast formula, E[x^2] - E[x]^2, loses the variance where means are large.
                    use_fast_variance=False,
                    axis_name=self.axis_name,
                )(x)
            x = nn.relu(x)
        x = nn.Dense(math.prod(self.shape))(x)
        return OUTPUTS[self.output](x).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Samples [B, ...] to logits [B].

    Attributes:
      features: the widths of the hidden layers.
      slope: of the leaky ReLU.
    """

    features: tuple[int, ...] = (512, 256)
    slope: float = 0.2

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:  # noqa: D102
        x = x.reshape(x.shape[0], -1)
        for width in self.features:
            x = nn.leaky_relu(nn.Dense(width)(x), self.slope)
        return nn.Dense(1)(x)[:, 0]
