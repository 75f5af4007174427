"""What GAT's generator is made of: the map of latents, blocks that w scales and gates, its heads.

Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935), after the authors' code.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn.linear import Dense, Embed
from jaxgan.nn.normalization import pixel_norm
from jaxgan.nn.transformer import EPSILON, XAVIER, Attention, Slowed, SwiGLU, unpatched, xavier

# Of the maps of latents and labels: how much slower they learn.
SLOW = 0.01
TABLE = nn.initializers.normal(0.02)


def slow(features: int, name: str) -> Dense:
    """A layer that learns at ``SLOW`` of the rate, and starts as Xavier's."""
    return Dense(features, kernel_init=xavier(1 / SLOW), weight=Slowed(SLOW), name=name)


class Mapping(nn.Module):
    """Latents [B, Z] and labels [B] to w [B, D]; a label is a row of Z numbers before the latent.

    Attributes:
      features: D.
      num_classes: of the labels, if any.
    """

    features: int
    num_classes: int | None = None

    @nn.compact
    def __call__(self, z: jax.Array, labels: jax.Array | None) -> jax.Array:  # noqa: D102
        parts = [pixel_norm(z)]
        if labels is not None and self.num_classes:
            row = Embed(self.num_classes, z.shape[-1], embedding_init=TABLE, name="labels")(labels)
            parts.insert(0, pixel_norm(row))
        x = nn.silu(slow(self.features, "dense_0")(jnp.concatenate(parts, axis=-1)))
        return slow(self.features, "dense_1")(x)


class Block(nn.Module):
    """Attention and a gated unit, each behind a norm, scaled and gated by w.

    Attributes:
      heads: of the attention.
      grid: height and width of the grid of patches.
      dtype: of the computation.
    """

    heads: int
    grid: tuple[int, int]
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:
        """Moves tokens ``x`` [B, T, D] by styles ``w`` [B, D]."""
        style = modulation(4 * x.shape[-1], self.dtype)(nn.silu(w))[:, None]
        first, gate_first, second, gate_second = jnp.split(style, 4, axis=-1)
        h = pixel_norm(x, EPSILON) * (1 + first)
        x = x + gate_first * Attention(self.heads, self.grid, self.dtype, name="attention")(h)
        h = pixel_norm(x, EPSILON) * (1 + second)
        return x + gate_second * SwiGLU(self.dtype, name="unit")(h)


def modulation(features: int, dtype: str) -> Dense:
    """The layer from w to scales and gates, which start small."""
    return Dense(features, kernel_init=xavier(0.1), dtype=dtype, name="modulation")


class Head(nn.Module):
    """Tokens [B, T, D] to an image [B, H, W, C].

    Attributes:
      shape: [H, W, C].
      patch: side of a token.
      dtype: of the computation.
    """

    shape: tuple[int, ...]
    patch: int
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:  # noqa: D102
        scale = modulation(x.shape[-1], self.dtype)(nn.silu(w))[:, None]
        h = pixel_norm(x, EPSILON) * (1 + scale)
        values = self.patch**2 * self.shape[-1]
        rows = Dense(values, kernel_init=XAVIER, dtype=self.dtype, name="output")(h)
        return unpatched(rows.astype(jnp.float32), self.shape, self.patch)
