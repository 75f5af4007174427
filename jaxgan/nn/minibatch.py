"""Layers that show a discriminator its whole batch: standard deviation and discrimination."""

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from jaxgan.nn.normalization import check_images
from jaxgan.nn.weights import Initializer, parameter


def minibatch_stddev(
    x: Array,
    group_size: int | None = 4,
    num_features: int = 1,
    axis_name: str | None = None,
    epsilon: float = 1e-8,
    *,
    interleaved: bool = False,
    unbiased: bool = False,
) -> Array:
    """Append the standard deviation over groups of images as constant channels.

    Karras et al. 2018, section 3, with the groups and features of StyleGAN2. The deviation over a
    group, of each feature and pixel, is averaged over pixels and over C / num_features channels.

    A group is ``group_size`` consecutive images, where ProGAN's and StyleGAN2's is every
    (B / group_size)-th: in a shuffled batch the two are alike, but consecutive images stay on one
    device, and fakes behind reals are not grouped with them.

    Args:
      x: [B, H, W, C].
      group_size: images a group, a divisor of B; the whole batch when None or larger than B.
      num_features: channels to append, a divisor of C.
      axis_name: mapped axis that splits the batch, under `pmap` and `shard_map`. Images are
        gathered only where a device's share is not whole groups.
      epsilon: added to the variance, inside the root: equal images give sqrt(epsilon), not 0.
      interleaved: group as ProGAN and StyleGAN2 do.
      unbiased: divide squares by n - 1 in a group of n, not by n; a group of one has no deviation.

    Returns:
      [B, H, W, C + num_features] in the dtype of ``x``; the statistic is computed in float32.

    Raises:
      ValueError: for a wrong rank, and sizes that are not positive or do not divide.
    """
    check_images(x)
    B, H, W, C = x.shape
    if num_features < 1 or C % num_features:
        raise ValueError(f"num_features must divide the {C} channels of x, got {num_features}")
    devices = 1 if axis_name is None else lax.axis_size(axis_name)
    if group_size is not None and group_size < 1:
        raise ValueError(f"group_size must be positive, got {group_size}")
    group = min(group_size or B * devices, B * devices)
    if B * devices % group:
        raise ValueError(f"group_size must divide the batch of {B * devices}, got {group_size}")
    y = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    gather = B % group != 0 or (interleaved and devices > 1)
    if gather:
        y = lax.all_gather(y, axis_name, tiled=True)
    if interleaved:
        y = y.reshape(group, -1, *y.shape[1:]).swapaxes(0, 1)
    y = y.reshape(-1, group, H, W, num_features, C // num_features)
    y = y - y.mean(axis=1, keepdims=True)
    squares = jnp.sum(y**2, axis=1) / max(group - 1, 1) if unbiased else jnp.mean(y**2, axis=1)
    y = jnp.sqrt(squares + epsilon).mean(axis=(1, 2, 4))
    y = jnp.tile(y, (group, 1)) if interleaved else jnp.repeat(y, group, axis=0)
    if gather:
        y = lax.dynamic_slice_in_dim(y, lax.axis_index(axis_name) * B, B)
    y = jnp.broadcast_to(y[:, None, None].astype(x.dtype), (B, H, W, num_features))
    return jnp.concatenate([x, y], axis=-1)


class MinibatchStddev(nn.Module):
    """`minibatch_stddev` as a layer, which ignores ``axis_name`` while it is initialized.

    Attributes:
      group_size: images a group; the whole batch when None or larger than it.
      num_features: channels to append.
      axis_name: mapped axis that splits the batch, under `pmap` and `shard_map`.
      epsilon: added to the variance, inside the root.
      interleaved: group as ProGAN and StyleGAN2 do.
      unbiased: divide squares by n - 1 in a group of n.
    """

    group_size: int | None = 4
    num_features: int = 1
    axis_name: str | None = None
    epsilon: float = 1e-8
    interleaved: bool = False
    unbiased: bool = False

    def __call__(self, x: Array) -> Array:
        """Append to ``x`` [B, H, W, C]: [B, H, W, C + num_features]."""
        # `init` is called outside of the mapped axis.
        axis_name = None if self.is_initializing() else self.axis_name
        return minibatch_stddev(
            x,
            self.group_size,
            self.num_features,
            axis_name,
            self.epsilon,
            interleaved=self.interleaved,
            unbiased=self.unbiased,
        )


class MinibatchDiscrimination(nn.Module):
    """Append to each sample how near the batch lies to it (Salimans et al. 2016, section 3.2).

    ``M = x T``; ``o[i, b] = sum_j exp(-|M[i, b] - M[j, b]|_1)``. As in the paper, j = i adds 1.

    Attributes:
      num_kernels: values to append, the paper's B.
      kernel_features: length of the vectors that are compared, the paper's C.
      axis_name: mapped axis that splits the batch, under `pmap` and `shard_map`.
      kernel_init: initializer of the tensor T, seen as [features, num_kernels * kernel_features].
    """

    num_kernels: int = 100
    kernel_features: int = 5
    axis_name: str | None = None
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Append to ``x`` [B, C]: [B, C + num_kernels] in its dtype, computed in float32."""
        if x.ndim != 2:
            raise ValueError(f"x must be [B, C], got shape {x.shape}")
        for name, value in (
            ("num_kernels", self.num_kernels),
            ("kernel_features", self.kernel_features),
        ):
            if value < 1:
                raise ValueError(f"{name} must be positive, got {value}")
        shape = (x.shape[-1], self.num_kernels * self.kernel_features)
        kernel = parameter(self, "kernel", self.kernel_init, shape)
        y = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        m = (y @ kernel).reshape(len(x), self.num_kernels, self.kernel_features)
        others = m
        if self.axis_name is not None and not self.is_initializing():
            others = lax.all_gather(m, self.axis_name, tiled=True)
        distances = jnp.abs(m[:, None] - others[None]).sum(axis=-1)
        o = jnp.exp(-distances).sum(axis=1)
        return jnp.concatenate([x, o.astype(x.dtype)], axis=-1)
