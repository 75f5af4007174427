"""GAT's networks: plain transformers, best in the latent space of an autoencoder.

Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935), after the authors' code
(hse1032/GAT). The generator makes an image at each of its stages, all of full size; the
discriminator judges several of one sample together. What is no parameter stands in the collection
``w_avg``: the mean of w of each class.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.augment.levels import side_by_side
from jaxgan.networks import Critique
from jaxgan.networks.building import BY_METHOD
from jaxgan.nn import Dense, Embed, blocks
from jaxgan.nn.stages import stage
from jaxgan.nn.styled_transformer import TABLE, Block, Head, Mapping, slow
from jaxgan.nn.transformer import (
    XAVIER,
    Attention,
    RMSNorm,
    SwiGLU,
    grid_of,
    patches,
    position_table,
)
from jaxgan.nn.weights import parameter, per_channel


class Generator(nn.Module):
    """Latents to images [B, H, W, C], not bounded.

    Attributes:
      shape: [H, W, C] of an image, or of a latent of one.
      patch: side of a token.
      depth: blocks, which the stages divide.
      width: D, of tokens and of w.
      attention_heads: of each block.
      stages: images that are made on the way, each added to those before.
      w_decay: of the running mean of w of a class.
      together: whether in training all images are given, one beside the other in channels.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that the means of w are averaged over.
    """

    shape: tuple[int, ...]
    patch: int = 2
    depth: int = 12
    width: int = 384
    attention_heads: int = 6
    stages: int = 4
    w_decay: float = 0.995
    together: bool = dataclasses.field(default=False, metadata=BY_METHOD)
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    def setup(self) -> None:  # noqa: D102
        if self.stages < 1 or self.depth < 1 or self.depth % self.stages:
            raise ValueError(f"a depth of {self.depth} is not divisible by {self.stages} stages")
        self.mapping = Mapping(self.width, self.num_classes)
        self.grid = grid = grid_of(self.shape, self.patch)
        self.blocks = [Block(self.attention_heads, grid, self.dtype) for _ in range(self.depth)]
        self.heads = [Head(self.shape, self.patch, self.dtype) for _ in range(self.stages)]
        size = (self.num_classes or 1, self.width)
        self.w_avg = self.variable("w_avg", "mean", jnp.zeros, size, jnp.float32)

    def __call__(
        self,
        z: jax.Array,
        labels: jax.Array | None = None,
        truncation: jax.Array | float = 1.0,
        guidance: jax.Array | float | None = None,
        *,
        train: bool,
    ) -> jax.Array:
        """Images of latents [B, Z]; or [B, H, W, stages C], in training and ``together``.

        Args:
          z: standard normal.
          labels: int32 [B].
          truncation: psi: how far w is from its class's mean; 1 is none. (The authors' psi is one
            minus this.)
          guidance: how far w is from the mean over all classes of the same z; 1, or
            ``None``, is none.
          train: whether the means of w move.
        """
        w = self.map(z, labels, train=train)
        if not (train and self.together):
            w = self.guide(self.truncate(w, labels, truncation), z, labels, guidance)
        images = self.synthesize(jnp.repeat(w[:, None], self.depth, axis=1))
        return side_by_side(list(images)) if train and self.together else images[-1]

    def map(self, z: jax.Array, labels: jax.Array | None = None, *, train: bool) -> jax.Array:
        """The w [B, D] of latents [B, Z]."""
        w = self.mapping(z, labels)
        if train and not self.is_initializing():
            self.follow(jax.lax.stop_gradient(w), labels)
        return w

    def follow(self, w: jax.Array, labels: jax.Array | None) -> None:
        """Moves the mean of each class that is in the batch."""
        member = self.member(w, labels)
        sums, counts = jnp.matmul(member.T, w, precision="highest"), member.sum(axis=0)[:, None]
        if self.axis_name is not None:
            sums, counts = jax.lax.psum((sums, counts), self.axis_name)
        mean = sums / jnp.maximum(counts, 1)
        moved = mean + self.w_decay * (self.w_avg.value - mean)
        self.w_avg.value = jnp.where(counts > 0, moved, self.w_avg.value)

    def member(self, w: jax.Array, labels: jax.Array | None) -> jax.Array:
        """Which class each sample is of, [B, K] of ones and zeros, or mixtures."""
        if labels is None or not self.num_classes:
            return jnp.ones((len(w), 1), jnp.float32)
        if labels.ndim == 2:
            return labels
        return blocks.one_hot(labels, self.num_classes)

    def truncate(
        self, w: jax.Array, labels: jax.Array | None, truncation: jax.Array | float
    ) -> jax.Array:
        """The w [B, D] that are ``truncation`` as far from their class's mean."""
        mean = jnp.matmul(self.member(w, labels), self.w_avg.value, precision="highest")
        return mean + truncation * (w - mean)

    def guide(
        self,
        w: jax.Array,
        z: jax.Array,
        labels: jax.Array | None,
        guidance: jax.Array | float | None,
    ) -> jax.Array:
        """The w [B, D] that are ``guidance`` as far from the mean over the classes."""
        if guidance is None or labels is None or not self.num_classes:
            return w
        K, B = self.num_classes, len(z)
        every = jnp.tile(jnp.arange(K, dtype=jnp.int32), B)
        mean = self.mapping(z.repeat(K, axis=0), every).reshape(B, K, -1).mean(axis=1)
        return mean + guidance * (w - mean)

    def synthesize(self, styles: jax.Array) -> jax.Array:
        """Images [stages, B, H, W, C] of a w a block, [B, depth, D]; the last one is the whole.

        What makes a stage's image has the w of the block before it.
        """
        table = position_table(*self.grid, self.width)
        x = jnp.broadcast_to(jnp.asarray(table, self.dtype), (len(styles), *table.shape))
        styles = styles.astype(self.dtype)
        images: list[jax.Array] = []
        for i, block in enumerate(self.blocks):
            x = stage(block(x, styles[:, i]))
            if (i + 1) % (self.depth // self.stages) == 0:
                images.append(self.heads[len(images)](x, styles[:, i]))
        return jnp.cumsum(jnp.stack(images), axis=0)


class Judge(nn.Module):
    """A block of the discriminator: what is added is scaled by a learned vector.

    Attributes:
      heads: of the attention.
      grid: height and width of the grid of patches.
      dtype: of the computation.
    """

    heads: int
    grid: tuple[int, int]
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Moves tokens ``x`` [B, T, D]."""

        def scaled(name: str, h: jax.Array) -> jax.Array:
            scale = parameter(self, name, nn.initializers.constant(0.1), h.shape[-1:])
            return h * per_channel(scale.astype(h.dtype), h)

        h = Attention(self.heads, self.grid, self.dtype, name="attention")(
            RMSNorm(name="norm_0")(x)
        )
        x = x + scaled("scale_0", h)
        h = SwiGLU(self.dtype, name="unit")(RMSNorm(name="norm_1")(x))
        return x + scaled("scale_1", h)


class Discriminator(nn.Module):
    """Images [B, H, W, L C], the L of a sample one beside the other, to a ``Critique``.

    Attributes:
      patch: side of a token.
      depth: blocks.
      width: of tokens.
      attention_heads: of each block.
      label_features: length of a label's vector, and of what it is multiplied with.
      aligned: of features for an encoder's: length of each, 0 for none; as the head ``aligned``
        [B, 1 + T, aligned] of the class token and the patches.
      aligned_width: of the layers between.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
    """

    patch: int = 2
    depth: int = 12
    width: int = 384
    attention_heads: int = 6
    label_features: int = 2048
    aligned: int = 0
    aligned_width: int = 2048
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        rows, grid = patches(x, self.patch), grid_of(x.shape[1:], self.patch)
        tokens = Dense(self.width, kernel_init=XAVIER, dtype=self.dtype, name="from_image")(rows)
        table = position_table(*grid, self.width)
        tokens = tokens + jnp.asarray(table, tokens.dtype)[None]
        first = parameter(self, "class_token", TABLE, (self.width,)).astype(tokens.dtype)
        first = jnp.broadcast_to(first, (len(x), 1, self.width))
        tokens = jnp.concatenate([first, tokens], axis=1)
        for i in range(self.depth):
            judge = Judge(self.attention_heads, grid, self.dtype, name=f"block_{i}")
            tokens = stage(judge(tokens))
        tokens = tokens.astype(jnp.float32)
        features = RMSNorm(name="norm")(tokens[:, 0])
        heads = {name: Dense(n, name=f"head_{name}")(features) for name, n in self.heads}
        if self.aligned:
            h = tokens
            for i, wide in enumerate((self.aligned_width, self.aligned_width, self.aligned)):
                h = Dense(wide, kernel_init=XAVIER, name=f"aligned_{i}")(nn.silu(h) if i else h)
            heads["aligned"] = h
        if labels is None or not self.num_classes:
            logits = Dense(1, kernel_init=XAVIER, name="logits")(features)[:, 0]
            return Critique(logits, features, heads)
        n = self.label_features
        row = Embed(self.num_classes, n, embedding_init=TABLE, name="labels")(labels)
        row = slow(n, "label_1")(nn.silu(slow(n, "label_0")(row)))
        product = Dense(n, kernel_init=XAVIER, name="logits")(features) * row
        return Critique(product.sum(axis=-1), features, heads)
