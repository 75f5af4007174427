"""Dense and embedding layers that take a weight: plain, spectrally normalized or equalized."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.weights import Initializer, Weight, per_channel, plain


class Dense(nn.Module):
    """Linear map of the last axis: [..., C] to [..., features].

    Parameters are ``kernel`` [C, features] and ``bias`` [features], in float32.

    Attributes:
      features: number of outputs.
      use_bias: whether to add a bias.
      kernel_init: initializer of the kernel.
      bias_init: initializer of the bias.
      dtype: of the computation; that of the input and the parameters together when None.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map ``x`` [..., C]."""
        if self.features < 1:
            raise ValueError(f"features must be positive, got {self.features}")
        C = x.shape[-1]
        kernel = self.weight(self, "kernel", self.kernel_init, (C, self.features), C)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = x @ kernel
        if self.use_bias:
            bias = self.weight(self, "bias", self.bias_init, (self.features,), None)
            y = y + per_channel(bias.astype(y.dtype), y)
        return y


class Embed(nn.Module):
    """Table lookup: integers [...] to vectors [..., features]; NaN for an integer out of range.

    Floats [B, num_embeddings] are mixtures: sums of the rows, each as much as it says.

    The parameter is ``embedding`` [num_embeddings, features], in float32. An output is one row and
    not a sum, so `EqualizedLR` scales the table by its gain alone, unless ``fan_in`` is given.

    Attributes:
      num_embeddings: number of rows.
      features: length of a row.
      embedding_init: initializer of the table.
      fan_in: terms of the sum in which a row is used: ``features`` where an inner product follows.
      dtype: of the output; float32 when None.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    num_embeddings: int
    features: int
    embedding_init: Initializer = nn.initializers.normal(1.0)
    fan_in: int = 1
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, labels: Array) -> Array:
        """Rows of ``labels``, integers in [0, num_embeddings), or mixtures of rows."""
        if min(self.num_embeddings, self.features, self.fan_in) < 1:
            raise ValueError(
                f"num_embeddings, features and fan_in must be positive, got "
                f"{self.num_embeddings}, {self.features} and {self.fan_in}"
            )
        shape = (self.num_embeddings, self.features)
        mixed = labels.ndim == 2 and labels.shape[1] == self.num_embeddings
        mixed = mixed and jnp.issubdtype(labels.dtype, jnp.floating)
        if not mixed and not jnp.issubdtype(labels.dtype, jnp.integer):
            raise ValueError(f"labels must be integers, got {labels.dtype}")
        table = self.weight(self, "embedding", self.embedding_init, shape, self.fan_in)
        if mixed:
            rows = jnp.matmul(labels.astype(table.dtype), table, precision="highest")
            return rows.astype(self.dtype or table.dtype)
        table = jnp.asarray(table, self.dtype or table.dtype)
        # Not `jnp.take`, for which -1 is the last row.
        return table.at[labels].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
