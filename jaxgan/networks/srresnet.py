"""SRGAN's networks (Ledig et al. 2017, arXiv:1609.04802, section 2.1.1 and figure 4).

A residual generator that enlarges at its end, by sub-pixels (Shi et al. 2016, arXiv:1609.05158),
and a discriminator of strided convolutions. The authors feed images in [0, 1], here they are in
[-1, 1]; convolutions before a batch norm have no bias.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.networks.building import BY_METHOD
from jaxgan.nn import Dense, PReLU, blocks, pixel_shuffle
from jaxgan.nn.normalized import layers_of

WIDEST = 8  # times ``width``


class Generator(nn.Module):
    """Images [B, H, W, C] to images [B, H * factor, W * factor, C'] about [-1, 1], not bounded.

    Attributes:
      shape: [H', W', C'] of an image that it makes; of any other size it makes one as well.
      factor: by which it enlarges, in a stage for each of its primes.
      width: channels of its maps.
      residual_blocks: how many.
      outer_kernel: side of the kernels of the first and the last convolution, odd.
      normalization: ``'batch'``, ``'instance'`` or ``'none'`` (as EDSR, Lim et al. 2017,
        arXiv:1707.02921).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    factor: int = dataclasses.field(default=4, metadata=BY_METHOD)
    width: int = 64
    residual_blocks: int = 16
    outer_kernel: int = 9
    normalization: str = "batch"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:  # noqa: D102
        layer, w = layers_of(self, train), self.width
        bare = {"normalization": "none"}
        outer = {"kernel_size": self.outer_kernel, "padding": self.outer_kernel // 2, **bare}
        x = first = PReLU(name="first_prelu")(layer("first", w, x, **outer))
        for i in range(self.residual_blocks):
            h = PReLU(name=f"block_{i}_prelu")(layer(f"block_{i}_0", w, x))
            x = x + layer(f"block_{i}_1", w, h)
        x = first + layer("middle", w, x)
        for i, prime in enumerate(primes(self.factor)):
            x = pixel_shuffle(layer(f"up_{i}", w * prime**2, x, **bare), prime)
            x = PReLU(name=f"up_{i}_prelu")(x)
        return layer("last", self.shape[-1], x, **outer).astype(jnp.float32)


def primes(factor: int) -> list[int]:
    """The prime factors of a whole number, in order.

    Raises:
      ValueError: if it is less than 2.
    """
    if factor < 2:
        raise ValueError(f"a generator enlarges by 2 or more, not by {factor}")
    found, prime = list[int](), 2
    while factor > 1:
        while factor % prime == 0:
            found.append(prime)
            factor //= prime
        prime += 1
    return found


class Discriminator(nn.Module):
    """Images [B, H, W, C] of one size to a ``Critique`` with logits [B].

    Attributes:
      width: channels of the first map; after each halving there are twice as many, at most 8 times.
      stages: halvings.
      features: units of the dense layer before the logit.
      normalization: of all but the first convolution: ``'batch'``, ``'instance'`` or ``'none'``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    width: int = 64
    stages: int = 4
    features: int = 1024
    normalization: str = "batch"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Critique:  # noqa: D102
        if min(x.shape[1:3]) < 2**self.stages:
            raise ValueError(
                f"srresnet's discriminator of {self.stages} stages sees images of "
                f"{2**self.stages} pixels at least, not {list(x.shape[1:3])}"
            )
        layer = layers_of(self, train)
        for i in range(self.stages):
            width = self.width * min(2**i, WIDEST)
            more = {} if i else {"normalization": "none"}
            x = nn.leaky_relu(layer(f"stage_{i}", width, x, **more), 0.2)
            x = nn.leaky_relu(layer(f"halve_{i}", width, x, strides=2), 0.2)
        dense = Dense(self.features, kernel_init=blocks.NORMAL, dtype=self.dtype, name="dense")
        x = nn.leaky_relu(dense(x.reshape(len(x), -1)), 0.2).astype(jnp.float32)
        return Critique(Dense(1, kernel_init=blocks.NORMAL, name="logit")(x)[:, 0], x)
