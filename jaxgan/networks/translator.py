"""CycleGAN's generator (Zhu et al. 2017, arXiv:1703.10593, appendix 7.2): an image to an image.

A convolution of 7, two halvings, residual blocks, two doublings, a convolution of 7; borders are
mirrored where the map keeps its size. It is Johnson's of style transfer (2016, arXiv:1603.08155),
whose outer kernels are of 9 and whose blocks are 5.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn import Conv, blocks
from jaxgan.nn.normalized import dropout, layers_of, reflect

# Of the image's range where it is added to: at the ends of it a tanh would never move.
KEPT = 0.97


class Generator(nn.Module):
    """Images [B, H, W, C] to images [B, H, W, C'] in [-1, 1]; H and W are multiples of 4.

    Attributes:
      shape: [H, W, C'] of an image that it makes; of any other size it makes one as well.
      width: channels of the first map; the third has four times as many.
      residual_blocks: how many: 9 for 256 pixels, 6 for 128.
      outer_kernel: side of the first and the last convolution's, an odd number.
      normalization: ``'instance'``, ``'batch'`` or ``'none'``.
      dropout: rate within the blocks, for calls that are given keys.
      upsample: how maps are doubled: ``'transposed'``, as the authors', or ``'nearest'``, see
        ``nn.normalized``.
      residual: whether what it makes is added, before the last tanh, to the image, from nothing on:
        a plain ground then stays plain (the "global skip connection" of Kupyn et al. 2018,
        "DeblurGAN", arXiv:1711.07064, section 3.2). Images must have C' channels.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    residual_blocks: int = 9
    outer_kernel: int = 7
    normalization: str = "instance"
    dropout: float = 0.0
    upsample: str = "transposed"
    residual: bool = False
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, keys: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        if x.ndim != 4 or x.shape[1] % 4 or x.shape[2] % 4:
            raise ValueError(
                "translator takes images [B, H, W, C] whose sides are multiples of 4, not "
                f"{list(x.shape)}"
            )
        if self.residual and x.shape[-1] != self.shape[-1]:
            raise ValueError(
                f"residual adds to images of {self.shape[-1]} channels, not {x.shape[-1]}"
            )
        if self.outer_kernel < 1 or self.outer_kernel % 2 == 0:
            raise ValueError(f"outer_kernel must be odd, not {self.outer_kernel}")

        layer, w, border = layers_of(self, train), self.width, self.outer_kernel // 2
        outer: dict[str, Any] = {"kernel_size": self.outer_kernel, "padding": 0}
        given = x
        x = nn.relu(layer("first", w, reflect(x, border), **outer))
        for i in range(2):
            x = nn.relu(layer(f"down_{i}", w * 2 ** (i + 1), x, strides=2))
        for i in range(self.residual_blocks):
            h = nn.relu(layer(f"block_{i}_0", 4 * w, reflect(x, 1), padding=0))
            h = dropout(h, self.dropout, keys, i)
            x = x + layer(f"block_{i}_1", 4 * w, reflect(h, 1), padding=0)
        for i in range(2):
            x = nn.relu(layer(f"up_{i}", w * 2 ** (1 - i), x, strides=2, up=self.upsample))
        init = nn.initializers.zeros_init() if self.residual else blocks.NORMAL
        last = Conv(self.shape[-1], **outer, kernel_init=init, dtype=self.dtype, name="last")
        y = last(reflect(x, border)).astype(jnp.float32)
        if self.residual:
            y += jnp.arctanh(KEPT * given)
        return jnp.tanh(y)
