"""Self-attention over the pixels of a feature map."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.conv import Conv
from jaxgan.nn.normalization import check_images
from jaxgan.nn.weights import Initializer, Weight, parameter, plain


class SelfAttention(nn.Module):
    """Every pixel attends to all, behind a gate that starts shut (Zhang et al. 2019, eq. 1 to 3).

    ``y = gamma * o + x`` with gamma 0 at the start. The defaults are those of the authors' code and
    of BigGAN: keys and values pooled 2x2, values of C / 2 channels. The paper's text has no pooling
    and values of C / 8: ``SelfAttention(value_features=C // 8, pool=False)``.

    Attributes:
      query_features: channels of queries and keys, C // 8 when None.
      value_features: channels of the values, C // 2 when None.
      pool: whether keys and values are max-pooled 2x2, which needs even H and W.
      kernel_init: initializer of the four 1x1 convolutions, which have no bias.
      dtype: of the computation, but for the softmax, which is in float32.
      implementation: 'canonical' or 'stock', see `conv`.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    query_features: int | None = None
    value_features: int | None = None
    pool: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = None
    implementation: str = "canonical"
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Attend over ``x`` [B, H, W, C]; the output has its shape and dtype."""
        check_images(x)
        B, H, W, C = x.shape
        if self.pool and (H % 2 or W % 2):
            raise ValueError(f"pool needs x of even height and width, got {x.shape}")

        for name, number in (
            ("query_features", self.query_features),
            ("value_features", self.value_features),
        ):
            if number is not None and number < 1:
                raise ValueError(f"{name} must be positive, got {number}")

        def pointwise(name: str, features: int, x: Array) -> Array:
            return Conv(
                features,
                1,
                use_bias=False,
                kernel_init=self.kernel_init,
                dtype=self.dtype,
                implementation=self.implementation,
                weight=self.weight,
                name=name,
            )(x)

        narrow = self.query_features or max(C // 8, 1)
        wide = self.value_features or max(C // 2, 1)
        query, key, value = (
            pointwise("query", narrow, x),
            pointwise("key", narrow, x),
            pointwise("value", wide, x),
        )
        if self.pool:
            key, value = _max_pool(key), _max_pool(value)
        flat = (B, H * W, -1)
        key, value = (a.reshape(B, -1, a.shape[-1]) for a in (key, value))
        scores = jnp.einsum("bqc,bkc->bqk", query.reshape(flat), key)
        attention = jax.nn.softmax(scores.astype(jnp.float32)).astype(value.dtype)
        o = jnp.einsum("bqk,bkc->bqc", attention, value).reshape(B, H, W, wide)
        gamma = parameter(self, "gamma", nn.initializers.zeros_init(), ())
        o = pointwise("output", C, o)
        return x + (gamma.astype(o.dtype) * o).astype(x.dtype)


def _max_pool(x: Array) -> Array:
    B, H, W, C = x.shape
    # Not `nn.max_pool`: the second derivative of its window reduction is slow on every backend.
    return x.reshape(B, H // 2, 2, W // 2, 2, C).max(axis=(2, 4))
