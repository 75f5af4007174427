"""BigGAN's networks (Brock et al. 2019, arXiv:1809.11096, appendix B, tables 4 to 6).

In the form of the authors' BigGAN-PyTorch: residual blocks, class-conditional batch norm from a
shared vector of the label and, hierarchically, a part of the latent for each block,
self-attention, spectral norm in both players, a projection in D. For square images whose side is
a power of two from 8 to 512. Up to 32 pixels all maps are 4 widths wide, as in their CIFAR setting.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Conv, Dense, Embed, SelfAttention, blocks
from jaxgan.nn.residual import DownBlock, UpBlock, batch_norm
from jaxgan.nn.stages import stage

Initializer = Callable[..., Any]

SMALLEST = 4
# Widths of the maps from 4 x 4 to the image's side: what comes into each block of G, and goes out.
UP = {
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
# Widths of what goes out of each block of D, of which the last one does not halve.
DOWN = {
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}
INITS: dict[str, Initializer] = {
    "orthogonal": nn.initializers.orthogonal(),
    "normal": nn.initializers.normal(0.02),
}


def doublings(shape: tuple[int, ...], family: str = "biggan") -> int:
    """How often 4 pixels double to the side of an image.

    Raises:
      ValueError: if the image is not square, or of no such side.
    """
    side = shape[0]
    if len(shape) != 3 or shape[0] != shape[1] or side not in [2**i for i in range(3, 10)]:
        raise ValueError(
            f"{family} makes square images [H, W, C] whose side is a power of two from 8 to 512, "
            f"not {list(shape)}; set data.image_size, or take another network"
        )
    return side.bit_length() - SMALLEST.bit_length()


def attended(attention: int | tuple[int, ...], sides: list[int]) -> tuple[int, ...]:
    """The sides of the maps that attention is paid to.

    Raises:
      ValueError: for one that no map has.
    """
    asked = (attention,) if isinstance(attention, int) else tuple(attention)
    for side in asked:
        blocks.check_attention(side, sides)
    return tuple(side for side in asked if side)


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: that of the tables ``UP``; 96 in the paper, 64 in the CIFAR setting.
      shared: length of the label's vector, from which all batch norms take scale and bias (128 in
        the paper); 0: each has tables of its own (CIFAR).
      hierarchical: whether the latent is cut in equal parts, one for the first layer and one for
        the condition of each block.
      attention: self-attention at the map of this side, or of these; 0 is nowhere.
      weight: ``'spectral'``, ``'plain'`` or ``'equalized'``, see ``blocks``.
      initialization: ``'orthogonal'``, or ``'normal'`` N(0, 0.02).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    shared: int = 0
    hierarchical: bool = False
    attention: int | tuple[int, ...] = 0
    weight: str = "spectral"
    initialization: str = "orthogonal"
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        count = doublings(self.shape)
        attention = attended(self.attention, [SMALLEST * 2**i for i in range(1, count + 1)])
        init = INITS[blocks.choose("initialization", self.initialization, tuple(INITS))]
        weight = blocks.weight(self.weight, train, order="vu")
        conv = partial(Conv, kernel_init=init, dtype=self.dtype, weight=weight)
        widths = [self.width * n for n in UP.get(self.shape[0], (4,) * (count + 1))]

        z, conditions = self.conditions(z, labels, count, init)
        norm = batch_norm(
            conditions[0],
            train,
            self.axis_name,
            self.dtype,
            # Shared, labels are vectors by now.
            num_classes=None if self.shared or labels is None else self.num_classes,
            weight=weight,
            init=init,
        )
        x = Dense(SMALLEST**2 * widths[0], kernel_init=init, dtype=self.dtype, weight=weight)(z)
        x = x.reshape(-1, SMALLEST, SMALLEST, widths[0])
        for features, condition in zip(widths[1:], conditions, strict=True):
            shortcut = partial(conv, kernel_size=1)
            x = stage(UpBlock(features, norm, conv, shortcut)(x, condition))
            if x.shape[1] in attention:
                x = SelfAttention(kernel_init=init, dtype=self.dtype, weight=weight)(x)
        x = nn.relu(blocks.batch_norm(train, self.axis_name, self.dtype)(x))
        x = conv(self.shape[-1])(x)
        return jnp.tanh(x.astype(jnp.float32))

    def conditions(
        self, z: jax.Array, labels: jax.Array | None, count: int, init: Initializer
    ) -> tuple[jax.Array, list[jax.Array | None]]:
        """What the first layer is given, and what each block's batch norms are conditioned by.

        Raises:
          ValueError: if a latent cannot be cut, or nothing tells labels to a hierarchy.
        """
        if labels is not None and self.shared:
            labels = Embed(
                blocks.known_classes(self.num_classes), self.shared, init, name="shared"
            )(labels)
        if not self.hierarchical:
            return z, [labels] * count
        if labels is not None and not self.shared:
            raise ValueError("generator.hierarchical needs generator.shared where there are labels")
        if z.shape[-1] % (count + 1):
            raise ValueError(
                f"generator.hierarchical cuts the latent in {count + 1} equal parts, and "
                f"latent_dim is {z.shape[-1]}"
            )
        z, *rest = jnp.split(z, count + 1, axis=-1)
        if labels is None:
            return z, list(rest)
        return z, [jnp.concatenate([labels, part], axis=-1) for part in rest]


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: that of the table ``DOWN``.
      wide: whether a block has its output's channels between its convolutions, as BigGAN and SAGAN,
        or its input's, as SNGAN.
      attention: self-attention after each block whose map is of this side, or of these; 0 is
        nowhere.
      weight: ``'spectral'``, ``'plain'`` or ``'equalized'``, see ``blocks``.
      initialization: ``'orthogonal'``, or ``'normal'`` N(0, 0.02).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: not used: no layer couples samples.
    """

    width: int = 64
    wide: bool = True
    attention: int | tuple[int, ...] = 0
    weight: str = "spectral"
    initialization: str = "orthogonal"
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        doublings(x.shape[1:])
        widths = DOWN.get(x.shape[1], (4, 4, 4, 4))
        halvings = 2 if x.shape[1] not in DOWN else len(widths) - 1
        sides = [x.shape[1] // 2 ** min(i, halvings) for i in range(1, len(widths) + 1)]
        attention = attended(self.attention, sides)
        init = INITS[blocks.choose("initialization", self.initialization, tuple(INITS))]
        weight = blocks.weight(self.weight, train, order="vu")
        conv = partial(Conv, kernel_init=init, dtype=self.dtype, weight=weight)
        for i, n in enumerate(widths):
            features = n * self.width
            x = DownBlock(
                features,
                features if self.wide else x.shape[-1],
                down=i < halvings,
                first=i == 0,
                conv=conv,
                shortcut=partial(conv, kernel_size=1),
            )(x)
            if x.shape[1] in attention:
                x = SelfAttention(kernel_init=init, dtype=self.dtype, weight=weight)(x)
        return Critique(
            *blocks.judgement(
                nn.relu(x).astype(jnp.float32).sum(axis=(1, 2)),
                labels=labels,
                num_classes=self.num_classes,
                conditioning="projection",
                heads=self.heads,
                kernel_init=init,
                embedding_init=init,
                weight=weight,
            )
        )
