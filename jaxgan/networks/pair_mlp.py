"""A dense discriminator of pairs (x, z): that of BiGAN on MNIST (Donahue et al. 2017)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.networks.mlp import initializer
from jaxgan.nn import Dense, blocks


class Discriminator(nn.Module):
    """Samples [B, ...] and their latents [B, Z], side by side from the first layer on.

    Attributes:
      features: the widths of the hidden layers.
      slope: of the leaky ReLU.
      batch_norm: normalize each hidden layer but the first.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      kernel_std: of the weights at the start; 0 for one that depends on the width (LeCun's).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    features: tuple[int, ...] = (1024, 1024)
    slope: float = 0.2
    batch_norm: bool = False
    weight: str = "plain"
    kernel_std: float = 0.0
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, z: jax.Array, *, train: bool) -> Critique:  # noqa: D102
        init, weight = initializer(self.kernel_std), blocks.weight(self.weight, train, 2**0.5)
        h = jnp.concatenate([x.reshape(x.shape[0], -1), z], axis=1)
        for i, width in enumerate(self.features):
            normalized = self.batch_norm and i > 0
            h = Dense(width, not normalized, init, dtype=self.dtype, weight=weight)(h)
            h = blocks.batch_norm(train, self.axis_name, self.dtype)(h) if normalized else h
            h = nn.leaky_relu(h, self.slope)
        last = blocks.weight(self.weight, train)
        h = h.astype(jnp.float32)
        return Critique(Dense(1, kernel_init=init, weight=last, name="logits")(h)[:, 0], h)
