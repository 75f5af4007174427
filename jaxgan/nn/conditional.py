"""Normalizations that a condition modulates: by class, by a style vector, by the latent."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.linear import Dense, Embed
from jaxgan.nn.normalization import check_images, instance_norm
from jaxgan.nn.weights import Initializer, Weight, plain


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and bias depend on a condition (Dumoulin et al. 2017, eq. 5).

    With ``num_classes`` the condition is labels [B] and scale and bias are rows of tables, as in
    Miyato and Koyama 2018. Without, it is vectors [B, D] and they are linear maps without bias, as
    in BigGAN (Brock et al. 2019, appendix B). Either way ``y = norm(x) * (1 + scale) + bias``.

    Running statistics are in ``batch_stats``, as Linen's. The running variance is that of batches
    over n, PyTorch's over n - 1; and PyTorch's momentum is one minus ours.

    Attributes:
      num_classes: number of labels, or None for vectors.
      momentum: of the running statistics: new = momentum * old + (1 - momentum) * batch.
      epsilon: added to the variance, inside the root.
      axis_name: mapped axis over which statistics are averaged, under `pmap` and `shard_map`.
      modulation_init: initializer of the tables or maps; zeros start as a plain batch norm.
      dtype: of the output; that of the input when None. Statistics are in float32.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    num_classes: int | None = None
    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = None
    modulation_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array, condition: Array, *, train: bool) -> Array:
        """Normalize ``x`` [B, H, W, C] by its batch (train) or by the running statistics."""
        check_images(x)
        scale, bias = Modulation(x.shape[-1], self.num_classes, self.modulation_init, self.weight)(
            condition
        )
        _check_batch(x, condition)
        norm = _batch_norm(self.momentum, self.epsilon, self.axis_name, train)
        return _modulate(norm(x), scale, bias, self.dtype or x.dtype)


class ConditionalInstanceNorm(nn.Module):
    """Instance norm whose scale and bias depend on a condition (Dumoulin et al. 2017, eq. 5).

    With vectors for a condition and ``use_bias`` it is the AdaIN layer of StyleGAN (Karras et al.
    2019, eq. 1). For AdaIN from one image's features to another's see `adain`.

    Attributes:
      num_classes: number of labels, or None for vectors [B, D].
      epsilon: added to the variance, inside the root.
      use_bias: whether the linear maps of a vector have a bias; tables never do.
      modulation_init: initializer of the tables or maps.
      dtype: of the output; that of the input when None. Statistics are in float32.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    num_classes: int | None = None
    epsilon: float = 1e-5
    use_bias: bool = False
    modulation_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        """Normalize ``x`` [B, H, W, C] under labels [B] or vectors [B, D]."""
        check_images(x)
        modulation = Modulation(
            x.shape[-1], self.num_classes, self.modulation_init, self.weight, self.use_bias
        )
        scale, bias = modulation(condition)
        _check_batch(x, condition)
        y = instance_norm(x.astype(jnp.float32), self.epsilon)
        return _modulate(y, scale, bias, self.dtype or x.dtype)


class SelfModulation(nn.Module):
    """Batch norm whose scale and bias are small networks of the latent (Chen et al. 2019, eq. 3).

    ``y = norm(x) * (1 + s(z)) + b(z)`` with s and b networks of one hidden layer each,
    ``V max(0, U z + c) + d``. The paper writes no 1 and no d; with them, and with V at zero, the
    layer starts as a batch norm. Running statistics are as in `ConditionalBatchNorm`.

    Attributes:
      hidden: width of the hidden layers.
      momentum: of the running statistics: new = momentum * old + (1 - momentum) * batch.
      epsilon: added to the variance, inside the root.
      axis_name: mapped axis over which statistics are averaged, under `pmap` and `shard_map`.
      modulation_init: initializer of the output layers' kernels.
      dtype: of the output; that of the input when None. Statistics are in float32.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
    """

    hidden: int = 32
    momentum: float = 0.9
    epsilon: float = 1e-5
    axis_name: str | None = None
    modulation_init: Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    weight: Weight = plain

    @nn.compact
    def __call__(self, x: Array, z: Array, *, train: bool) -> Array:
        """Normalize ``x`` [B, H, W, C] under latents ``z`` [B, D]."""
        check_images(x)
        if self.hidden < 1:
            raise ValueError(f"hidden must be positive, got {self.hidden}")
        if z.ndim != 2 or len(z) != len(x):
            raise ValueError(f"z must be [B, D] with B of x {x.shape}, got shape {z.shape}")
        C, z = x.shape[-1], z.astype(jnp.float32)
        scale, bias = (
            Dense(C, kernel_init=self.modulation_init, weight=self.weight, name=name)(
                nn.relu(Dense(self.hidden, weight=self.weight, name=f"{name}_hidden")(z))
            )
            for name in ("scale", "bias")
        )
        norm = _batch_norm(self.momentum, self.epsilon, self.axis_name, train)
        return _modulate(norm(x), scale, bias, self.dtype or x.dtype)


class Modulation(nn.Module):
    """A scale, as its difference from 1, and a bias per channel from a condition.

    Attributes:
      features: number of channels.
      num_classes: number of labels, or None for vectors.
      modulation_init: initializer of the tables or maps.
      weight: how parameters are made: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
      use_bias: whether the maps of a vector have a bias; tables never do.
    """

    features: int
    num_classes: int | None = None
    modulation_init: Initializer = nn.initializers.zeros_init()
    weight: Weight = plain
    use_bias: bool = False

    @nn.compact
    def __call__(self, condition: Array) -> tuple[Array, Array]:
        """Scale and bias [B, features] of labels [B], mixtures or vectors [B, D], in float32."""
        if self.num_classes is None:
            _check_rank(condition, 2, "vectors [B, D], since num_classes is None")
            condition = condition.astype(jnp.float32)
        elif jnp.issubdtype(condition.dtype, jnp.floating):
            if condition.shape[1:] != (self.num_classes,):
                raise ValueError(
                    f"condition must be labels [B] or mixtures of classes [B, {self.num_classes}], "
                    f"since num_classes is set, got {condition.shape}"
                )
        else:
            _check_rank(condition, 1, "labels [B], since num_classes is set")
        return self._map("scale")(condition), self._map("bias")(condition)

    def _map(self, name: str) -> nn.Module:
        features, init, weight = self.features, self.modulation_init, self.weight
        if self.num_classes is None:
            return Dense(features, self.use_bias, init, weight=weight, name=name)
        return Embed(self.num_classes, features, init, weight=weight, name=name)


def _batch_norm(momentum: float, epsilon: float, axis_name: str | None, train: bool) -> nn.Module:
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=momentum,
        epsilon=epsilon,
        use_bias=False,
        use_scale=False,
        axis_name=axis_name,
        use_fast_variance=False,  # E[x^2] - E[x]^2 loses the variance where the mean is large
        dtype=jnp.float32,
        name="norm",
    )


def _modulate(x: Array, scale: Array, bias: Array, dtype: Any) -> Array:
    """``x * (1 + scale) + bias``, with one scale and bias per image and channel."""
    return (x * (1 + scale[:, None, None]) + bias[:, None, None]).astype(dtype)


def _check_rank(condition: Array, rank: int, expected: str) -> None:
    if condition.ndim != rank:
        raise ValueError(f"condition must be {expected}, got shape {condition.shape}")


def _check_batch(x: Array, condition: Array) -> None:
    if len(condition) != len(x):
        raise ValueError(f"condition has batch {len(condition)}, x has {len(x)}")
