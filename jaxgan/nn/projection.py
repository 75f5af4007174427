"""The projection head of a conditional discriminator."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.linear import Dense, Embed
from jaxgan.nn.weights import Initializer, Weight, plain


class ProjectionHead(nn.Module):
    """Logits ``psi(h) + <embedding(y), h>`` (Miyato and Koyama 2018, eq. 3).

    Of a pack of m samples there is a product for each label, and a table for each place in it.

    Attributes:
      num_classes: number of labels.
      kernel_init: initializer of the linear map psi, which has a bias.
      embedding_init: initializer of the table.
      dtype: of the two products; the logits are float32 whatever it is.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    num_classes: int
    kernel_init: Initializer = nn.initializers.lecun_normal()
    embedding_init: Initializer = nn.initializers.lecun_normal(in_axis=1, out_axis=0)
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, h: Array, labels: Array) -> Array:
        """Float32 logits [B] of ``h`` [B, C], pooled over pixels, and labels [B] or [B, m]."""
        if h.ndim != 2:
            raise ValueError(f"h must be [B, C], got shape {h.shape}")
        if labels.ndim not in (1, 2) or labels.shape[0] != h.shape[0]:
            raise ValueError(
                f"labels must be [B] or [B, m] with B of h {h.shape}, got {labels.shape}"
            )
        psi = Dense(
            1, kernel_init=self.kernel_init, dtype=self.dtype, weight=self.weight, name="linear"
        )(h)
        K, labels = self.num_classes, labels.reshape(len(h), -1)
        m = labels.shape[1]
        # A label that is outside must not fall into the table of the next place.
        inside = (labels >= 0) & (labels < K)
        rows = Embed(
            m * K,
            h.shape[-1],
            self.embedding_init,
            fan_in=h.shape[-1],
            dtype=self.dtype,
            weight=self.weight,
            name="embedding",
        )(jnp.where(inside, labels + K * jnp.arange(m, dtype=labels.dtype)[None], -1))
        h, rows = nn.dtypes.promote_dtype(h, rows, dtype=self.dtype)
        inner = jnp.sum(h.astype(jnp.float32) * rows.astype(jnp.float32).sum(axis=1), axis=-1)
        return psi[:, 0].astype(jnp.float32) + inner
