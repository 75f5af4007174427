"""The projection head of a conditional discriminator."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.linear import Dense, Embed
from jaxgan.nn.weights import Initializer, Weight, plain


class ProjectionHead(nn.Module):
    """Logits ``psi(h) + <embedding(y), h>`` (Miyato and Koyama 2018, eq. 3).

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
        """Float32 logits [B] of features ``h`` [B, C], pooled over pixels, and labels [B]."""
        if h.ndim != 2:
            raise ValueError(f"h must be [B, C], got shape {h.shape}")
        if labels.shape != h.shape[:1]:
            raise ValueError(f"labels must be [B] with B of h {h.shape}, got {labels.shape}")
        psi = Dense(
            1, kernel_init=self.kernel_init, dtype=self.dtype, weight=self.weight, name="linear"
        )(h)
        rows = Embed(
            self.num_classes,
            h.shape[-1],
            self.embedding_init,
            fan_in=h.shape[-1],
            dtype=self.dtype,
            weight=self.weight,
            name="embedding",
        )(labels)
        h, rows = nn.dtypes.promote_dtype(h, rows, dtype=self.dtype)
        inner = jnp.sum(h.astype(jnp.float32) * rows.astype(jnp.float32), axis=-1)
        return psi[:, 0].astype(jnp.float32) + inner
