"""pix2pix's generator (Isola et al. 2017, arXiv:1611.07004, section 6.1.1): an image to an image.

Halvings, each with the doubling that undoes it, and the map before the one beside what comes out of
the other. Dropout in the inner doublings is its only noise.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn.normalized import dropout, layers_of

WIDEST = 8  # times ``width``, from the fourth map on


class Generator(nn.Module):
    """Images [B, H, W, C] to images [B, H, W, C'] in [-1, 1]; sides are multiples of 2 ** depth.

    Attributes:
      shape: [H, W, C'] of an image that it makes; of any other size it makes one as well.
      width: channels of the first map.
      depth: halvings: 8 take 256 pixels to one.
      normalization: ``'batch'``, ``'instance'`` or ``'none'``.
      dropout: rate in the doublings between the fourth and the innermost, for calls given keys.
      upsample: how maps are doubled: ``'transposed'``, as the authors', or ``'nearest'``, see
        ``nn.normalized``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    depth: int = 8
    normalization: str = "batch"
    dropout: float = 0.5
    upsample: str = "transposed"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, keys: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        whole = 2**self.depth
        if x.ndim != 4 or x.shape[1] % whole or x.shape[2] % whole:
            raise ValueError(
                f"a unet of depth {self.depth} takes images whose sides are multiples of {whole}, "
                f"not {list(x.shape)}; set the depth, or data.image_size"
            )

        layer = partial(layers_of(self, train), kernel_size=4, strides=2)

        def through(x: jax.Array, i: int) -> jax.Array:
            """What is beside x and what comes from below it; at the top, the image."""
            bare = i in (0, self.depth - 1)  # one pixel, or the image, is not normalized
            more = {"normalization": "none", "use_bias": self.normalization != "batch"}
            below = layer(f"down_{i}", self.width * min(2**i, WIDEST), x, **(more if bare else {}))
            if i < self.depth - 1:
                below = through(nn.leaky_relu(below, 0.2), i + 1)
            if i == 0:
                out = self.shape[-1]
                return layer("up_0", out, nn.relu(below), up=self.upsample, normalization="none")
            outer = self.width * min(2 ** (i - 1), WIDEST)
            y = layer(f"up_{i}", outer, nn.relu(below), up=self.upsample)
            if 3 < i < self.depth - 1:
                y = dropout(y, self.dropout, keys, i)
            return jnp.concatenate([x, y], axis=-1)

        return jnp.tanh(through(x, 0).astype(jnp.float32))
