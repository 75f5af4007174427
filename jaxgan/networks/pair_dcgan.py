"""A convolutional discriminator of pairs (x, z): DCGAN's convolutions, joined by the latents.

As in ALI (Dumoulin et al. 2017, arXiv:1606.00704, section 2): x is seen by convolutions, z by a
layer of its own, both together by the last ones.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.networks.dcgan import down, pyramid
from jaxgan.nn import Dense, blocks


class Discriminator(nn.Module):
    """Images [B, H, W, C] and their latents [B, Z] to a ``Critique``.

    Attributes:
      width: the channels of the first map; each coarser one has twice as many.
      max_width: the most channels of any map.
      features: units of the layer of z, and of the one that joins.
      kernel_size: of the convolutions.
      slope: of the leaky ReLU.
      normalization: of every map but the first: ``'batch'``, ``'instance'``, ``'layer'`` or
        ``'none'``.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      convolution: ``'canonical'`` or ``'stock'``, see ``nn.conv``.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    width: int = 64
    max_width: int = 512
    features: int = 512
    kernel_size: int = 4
    slope: float = 0.2
    normalization: str = "batch"
    weight: str = "plain"
    dtype: str = "float32"
    convolution: str = "canonical"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, z: jax.Array, *, train: bool) -> Critique:  # noqa: D102
        weight = blocks.weight(self.weight, train, 2**0.5)
        x = down(self, x, len(pyramid(x.shape[1:])) - 1, self.slope, weight, train)

        def dense(h: jax.Array) -> jax.Array:
            layer = Dense(self.features, kernel_init=blocks.NORMAL, dtype=self.dtype, weight=weight)
            return nn.leaky_relu(layer(h), self.slope)

        z = dense(z)
        both = jnp.concatenate([x.reshape(x.shape[0], -1), z.astype(x.dtype)], axis=1)
        h = dense(both).astype(jnp.float32)
        last = blocks.weight(self.weight, train)
        logits = Dense(1, kernel_init=blocks.NORMAL, weight=last, name="logits")(h)
        return Critique(logits[:, 0], h)
