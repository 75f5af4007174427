"""Plain transformers over a grid of patches: attention, its positions, and gated linear units.

Vaswani et al. 2017, "Attention Is All You Need" (arXiv:1706.03762), in the form of today's models:
normalized queries and keys, rotary positions, SwiGLU.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.nn.linear import Dense
from jaxgan.nn.normalization import pixel_norm
from jaxgan.nn.weights import Initializer, parameter, per_channel, plain

XAVIER = nn.initializers.xavier_uniform()
# What frequencies of positions fall to.
TEMPERATURE = 10_000.0
EPSILON = 1e-6


def xavier(gain: float) -> Initializer:
    """Xavier's uniform initializer times ``gain``."""
    return nn.initializers.variance_scaling(gain**2, "fan_avg", "uniform")


@dataclasses.dataclass(frozen=True)
class Slowed:
    """A weight for `Dense`: parameters as they are initialized, used times ``multiplier``.

    Adam's steps are then ``multiplier`` times as large as those of the values in use.
    """

    multiplier: float

    def __call__(
        self,
        module: nn.Module,
        name: str,
        init: Initializer,
        shape: tuple[int, ...],
        fan_in: float | None,
    ) -> jax.Array:
        """The scaled parameter, as `jaxgan.nn.weights.Weight` has it."""
        return plain(module, name, init, shape, fan_in) * self.multiplier


def grid_of(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """How many patches images [H, W, C] have below and beside each other.

    Raises:
      ValueError: if the patches do not divide the image.
    """
    H, W = shape[:2]
    if size < 1 or H % size or W % size:
        raise ValueError(f"patches of {size} x {size} do not divide images of {H} x {W}")
    return H // size, W // size


def patches(x: jax.Array, size: int) -> jax.Array:
    """Images [B, H, W, C] as rows of patches [B, HW / size^2, size^2 C], each row by row.

    Raises:
      ValueError: as ``grid_of`` does.
    """
    rows, columns = grid_of(x.shape[1:], size)
    x = x.reshape(len(x), rows, size, columns, size, -1).swapaxes(2, 3)
    return x.reshape(len(x), rows * columns, -1)


def unpatched(rows: jax.Array, shape: tuple[int, ...], size: int) -> jax.Array:
    """Images [B, *shape] of their ``patches``."""
    x = rows.reshape(len(rows), *grid_of(shape, size), size, size, shape[-1]).swapaxes(2, 3)
    return x.reshape(-1, *shape)


def position_table(height: int, width: int, features: int) -> np.ndarray:
    """Sines and cosines of each place in a grid, float32 [height width, features].

    Half of them of the column, half of the row; see He et al. 2022, "Masked Autoencoders Are
    Scalable Vision Learners" (arXiv:2111.06377).

    Raises:
      ValueError: if ``features`` are not divisible by 4.
    """
    if features < 4 or features % 4:
        raise ValueError(f"a table of positions has 4, 8, 12, ... features, not {features}")
    rates = TEMPERATURE ** -(np.arange(features // 4) / (features // 4))
    row, column = np.mgrid[:height, :width].reshape(2, -1, 1)
    angles = column * rates, row * rates
    waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.concatenate(waves, axis=1).astype(np.float32)


def rotations(height: int, width: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines by which ``rotate`` tells the places in a grid, float32 [height width, F].

    The first half of the features turns with the row, the second one with the column. Su et al.
    2021, "RoFormer" (arXiv:2104.09864), equation 34, of two axes.

    Raises:
      ValueError: if ``features`` are not divisible by 4.
    """
    if features < 4 or features % 4:
        raise ValueError(f"a head with rotary positions has 4, 8, 12, ... features, not {features}")
    rates = TEMPERATURE ** -(np.arange(0, features // 2, 2) / (features // 2))
    row, column = np.mgrid[:height, :width].reshape(2, -1, 1)
    angles = np.concatenate([row * rates, column * rates], axis=1).repeat(2, axis=1)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def rotate(x: jax.Array, cosines: Any, sines: Any) -> jax.Array:
    """Turns neighbouring pairs of features of x [B, T, heads, F] by the angles of their places."""
    even, odd = x[..., ::2], x[..., 1::2]
    turned = jnp.stack([-odd, even], axis=-1).reshape(x.shape)
    cos, sin = (jnp.asarray(each, x.dtype)[None, :, None] for each in (cosines, sines))
    return x * cos + turned * sin


class RMSNorm(nn.Module):
    """Features over their root mean square, times a scale (Zhang and Sennrich, arXiv:1910.07467).

    Attributes:
      epsilon: added to the mean of squares, inside the root.
    """

    epsilon: float = EPSILON

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalizes ``x`` [..., C] in float32; the output has its dtype."""
        scale = parameter(self, "scale", nn.initializers.ones_init(), x.shape[-1:])
        y = pixel_norm(x.astype(jnp.float32), self.epsilon)
        return (y * per_channel(scale, y)).astype(x.dtype)


class Attention(nn.Module):
    """Every token attends to all, by heads whose queries and keys are normalized and rotated.

    Attributes:
      heads: how many; they divide the width.
      grid: height and width of the grid of patches, the last tokens; those before have no place.
      dtype: of the computation, but for the softmax.
    """

    heads: int
    grid: tuple[int, int]
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Attends over ``x`` [B, T, C].

        Raises:
          ValueError: if the heads do not divide C, or are no multiples of 4 wide.
        """
        B, T, C = x.shape
        if self.heads < 1 or C % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {C}")
        qkv = Dense(3 * C, kernel_init=XAVIER, dtype=self.dtype, name="qkv")(x)
        query, key, value = jnp.moveaxis(qkv.reshape(B, T, 3, self.heads, -1), 2, 0)
        cosines, sines = rotations(*self.grid, C // self.heads)

        def placed(name: str, x: jax.Array) -> jax.Array:
            x = RMSNorm(float(jnp.finfo(jnp.float32).eps), name=name)(x)
            first = T - len(cosines)
            return jnp.concatenate([x[:, :first], rotate(x[:, first:], cosines, sines)], axis=1)

        query, key = placed("query_norm", query), placed("key_norm", key)
        out = jax.nn.dot_product_attention(query, key, value)
        out = out.reshape(B, T, C)
        return Dense(C, kernel_init=XAVIER, dtype=self.dtype, name="output")(out)


class SwiGLU(nn.Module):
    """A gated linear unit (Shazeer 2020, arXiv:2002.05202, equation 6) of 8 / 3 of the width.

    Attributes:
      dtype: of the computation.
    """

    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps ``x`` [..., C]."""
        C = x.shape[-1]
        wide = int(2 / 3 * 4 * C)
        gate, value = jnp.split(
            Dense(2 * wide, kernel_init=XAVIER, dtype=self.dtype, name="gate_and_value")(x),
            2,
            axis=-1,
        )
        out = nn.silu(gate) * value
        return Dense(C, kernel_init=XAVIER, dtype=self.dtype, name="output")(out)
