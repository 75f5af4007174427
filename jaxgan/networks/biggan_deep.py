"""BigGAN-deep's networks (Brock et al. 2019, arXiv:1809.11096, appendix B, tables 7 to 9).

Bottleneck blocks, two a stage, that add no convolution beside them: channels are dropped in G, and
in D made up. All of the latent, behind the label's vector, goes into the first layer and into every
batch norm. As BigGAN-PyTorch has them, and with rows of one's own as Hugging Face's config does.
"""

import itertools
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique, biggan
from jaxgan.networks.biggan import INITS, SMALLEST, UP, attended, doublings
from jaxgan.nn import Conv, Dense, Embed, SelfAttention, blocks, downsample_mean, upsample_nearest
from jaxgan.nn.residual import Norm, batch_norm
from jaxgan.nn.stages import stage

# (whether it doubles, widths in, widths out) of a block.
Row = tuple[int, int, int]

# Widths of what comes into D's stages from 4 halvings on, and what goes out of each.
DOWN = {side: widths for side, widths in biggan.DOWN.items() if side <= 256}


class UpBlock(nn.Module):
    """Four norms, ReLUs and convolutions, 1x1, 3x3, 3x3, 1x1, a quarter as wide between.

    Attributes:
      features: channels; those of the input beyond them are not carried on.
      up: whether the map is doubled, before the first 3x3.
      norm: normalizes a map.
      conv: a convolution of so many features.
    """

    features: int
    up: bool
    norm: Norm
    conv: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array | None) -> jax.Array:  # noqa: D102
        hidden = max(x.shape[-1] // 4, 1)
        h = self.conv(hidden, 1)(nn.relu(self.norm(x, condition)))
        h = nn.relu(self.norm(h, condition))
        x = x[..., : self.features]
        if self.up:
            h, x = upsample_nearest(h), upsample_nearest(x)
        h = self.conv(hidden, 3)(h)
        h = self.conv(hidden, 3)(nn.relu(self.norm(h, condition)))
        return x + self.conv(self.features, 1)(nn.relu(self.norm(h, condition)))


class DownBlock(nn.Module):
    """Four ReLUs and convolutions, 1x1, 3x3, 3x3, 1x1, a quarter as wide between.

    Attributes:
      features: channels; a 1x1 convolution of the input makes those that it lacks.
      down: whether the map is halved, before the last 1x1.
      conv: a convolution of so many features.
    """

    features: int
    down: bool
    conv: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:  # noqa: D102
        hidden = max(self.features // 4, 1)
        h = self.conv(hidden, 1)(nn.relu(x))
        h = self.conv(hidden, 3)(nn.relu(h))
        h = nn.relu(self.conv(hidden, 3)(nn.relu(h)))
        if self.down:
            h, x = downsample_mean(h), downsample_mean(x)
        lacking = self.features - x.shape[-1]
        if lacking:
            x = jnp.concatenate([x, self.conv(lacking, 1, name="shortcut")(x)], axis=-1)
        return x + self.conv(self.features, 1)(h)


def rows_of(side: int, count: int, depth: int) -> list[Row]:
    """The blocks of a generator: of a stage the last one doubles and narrows."""
    widths = UP.get(side, (4,) * (count + 1))
    rows = []
    for narrow, wide in zip(widths[1:], widths, strict=False):
        rows += [(0, wide, wide)] * (depth - 1) + [(1, wide, narrow)]
    return rows


class Generator(nn.Module):
    """Latents [B, Z] to images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: [H, W, C] of an image.
      width: that of the table ``biggan.UP``; 128 in the paper.
      depth: blocks of a stage.
      shared: length of the label's vector.
      attention: self-attention behind the block that reaches this side, or these; 0 is nowhere.
      rows: the blocks, each as (1 where it doubles, widths in, widths out), where they are others
        than those of the table.
      attention_row: self-attention before this one of ``rows``; -1 is nowhere.
      spare: channels of the last convolution that are no part of the image.
      epsilon: of the batch norms.
      weight: ``'spectral'``, ``'plain'`` or ``'equalized'``, see ``blocks``.
      initialization: ``'orthogonal'``, or ``'normal'`` N(0, 0.02).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    width: int = 64
    depth: int = 2
    shared: int = 128
    attention: int | tuple[int, ...] = 0
    rows: tuple[tuple[int, int, int], ...] = ()
    attention_row: int = -1
    spare: int = 0
    epsilon: float = 1e-5
    weight: str = "spectral"
    initialization: str = "orthogonal"
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        count = doublings(self.shape, "biggan_deep")
        attention = attended(self.attention, [SMALLEST * 2**i for i in range(1, count + 1)])
        rows = self.checked_rows(count)
        init = INITS[blocks.choose("initialization", self.initialization, tuple(INITS))]
        weight = blocks.weight(self.weight, train, order="vu")
        conv = partial(Conv, kernel_init=init, dtype=self.dtype, weight=weight)
        if labels is not None:
            vector = Embed(
                blocks.known_classes(self.num_classes), self.shared, init, name="shared"
            )(labels)
            z = jnp.concatenate([vector, z], axis=-1)
        norm = batch_norm(
            z,
            train,
            self.axis_name,
            self.dtype,
            weight=weight,
            init=init,
            epsilon=self.epsilon,
        )
        start = rows[0][1] * self.width
        dense = partial(Dense, kernel_init=init, dtype=self.dtype, weight=weight)
        x = dense(SMALLEST**2 * start)(z).reshape(-1, SMALLEST, SMALLEST, start)
        for i, (up, _, out) in enumerate(rows):
            if i == self.attention_row:
                x = SelfAttention(kernel_init=init, dtype=self.dtype, weight=weight)(x)
            x = stage(UpBlock(out * self.width, bool(up), norm, conv)(x, z))
            if up and x.shape[1] in attention:
                x = SelfAttention(kernel_init=init, dtype=self.dtype, weight=weight)(x)
        x = blocks.batch_norm(train, self.axis_name, self.dtype, epsilon=self.epsilon)(x)
        x = conv(self.shape[-1] + self.spare)(nn.relu(x))[..., : self.shape[-1]]
        return jnp.tanh(x.astype(jnp.float32))

    def checked_rows(self, count: int) -> list[Row]:
        """The blocks.

        Raises:
          ValueError: if there are none to a stage, or rows do not follow upon each other or do not
            make the image's side.
        """
        if self.depth < 1:
            raise ValueError(f"generator.depth must be at least 1, not {self.depth}")
        if not self.rows:
            return rows_of(self.shape[0], count, self.depth)
        rows = [(int(up), into, out) for up, into, out in self.rows]
        for (_, _, before), (_, into, _) in itertools.pairwise(rows):
            if before != into:
                raise ValueError(f"generator.rows: {before} widths go out, and {into} come in")
        if sum(up for up, _, _ in rows) != count:
            raise ValueError(
                f"generator.rows must double {count} times to make {self.shape[0]} pixels of "
                f"{SMALLEST}, and do {sum(up for up, _, _ in rows)} times"
            )
        return rows


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``.

    Attributes:
      width: that of the table ``DOWN``.
      depth: blocks of a stage, of which the first one halves.
      attention: self-attention behind the stages whose maps are of this side, or of these; 0 is
        nowhere.
      weight: ``'spectral'``, ``'plain'`` or ``'equalized'``, see ``blocks``.
      initialization: ``'orthogonal'``, or ``'normal'`` N(0, 0.02).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: not used: no layer couples samples.
    """

    width: int = 64
    depth: int = 2
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
        doublings(x.shape[1:], "biggan_deep")
        widths = DOWN.get(x.shape[1], (4, 4, 4, 4))
        if self.depth < 1 or x.shape[1] > max(DOWN):
            raise ValueError("biggan_deep's discriminator takes images of at most 256 pixels")
        halvings = len(widths) - 1 if x.shape[1] in DOWN else 2
        sides = [x.shape[1] // 2 ** min(i, halvings) for i in range(1, len(widths))]
        attention = attended(self.attention, sides)
        init = INITS[blocks.choose("initialization", self.initialization, tuple(INITS))]
        weight = blocks.weight(self.weight, train, order="vu")
        conv = partial(Conv, kernel_init=init, dtype=self.dtype, weight=weight)
        x = conv(widths[0] * self.width, 3)(x)
        for i, n in enumerate(widths[1:]):
            for j in range(self.depth):
                x = stage(DownBlock(n * self.width, i < halvings and j == 0, conv)(x))
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
