"""PatchGAN (Isola et al. 2017, arXiv:1611.07004, section 6.1.2): a map of logits, one a patch."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn.normalized import layers_of

WIDEST = 8  # times ``width``


def receptive_field(layers: int) -> int:
    """The side in pixels of what one logit sees: 70 for 3 layers."""
    side = 1
    for stride in (1, 1, *(2,) * layers):
        side = (side - 1) * stride + 4
    return side


class Discriminator(nn.Module):
    """Images [B, H, W, C], or two together, to a ``Critique`` with logits [B, h, w, 1].

    Attributes:
      width: channels of the first map; each coarser one has twice as many, at most 8 times.
      layers: between the first and the last: 3 see patches of 70 pixels; 0 sees single pixels.
      normalization: of all but the first: ``'batch'``, ``'instance'`` or ``'none'``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    width: int = 64
    layers: int = 3
    normalization: str = "batch"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Critique:  # noqa: D102
        if min(x.shape[1:3]) < 2 ** (self.layers + 1):
            raise ValueError(
                f"patchgan of {self.layers} layers sees images of {2 ** (self.layers + 1)} pixels "
                f"at least, not {list(x.shape[1:3])}"
            )

        layer = layers_of(self, train)
        bare = {"normalization": "none"}
        if not self.layers:
            one = {"kernel_size": 1, "padding": 0}
            x = nn.leaky_relu(layer("first", self.width, x, **one, **bare), 0.2)
            x = nn.leaky_relu(layer("layer_0", 2 * self.width, x, **one), 0.2)
            last: dict[str, Any] = {**one, "use_bias": self.normalization != "batch"}
        else:
            x = layer("first", self.width, x, kernel_size=4, strides=2, **bare)
            x = nn.leaky_relu(x, 0.2)
            for i in range(self.layers):
                features = self.width * min(2 ** (i + 1), WIDEST)
                stride = 1 if i == self.layers - 1 else 2
                x = layer(f"layer_{i}", features, x, kernel_size=4, strides=stride)
                x = nn.leaky_relu(x, 0.2)
            last = {"kernel_size": 4}
        features = x.astype(jnp.float32).mean(axis=(1, 2))
        logits = layer("last", 1, x, **last, **bare).astype(jnp.float32)
        return Critique(logits, features)
