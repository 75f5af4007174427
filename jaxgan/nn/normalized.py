"""A convolution and the norm behind it, and dropout by keys of the samples' own."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn import blocks
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.normalization import instance_norm
from jaxgan.nn.resample import upsample_nearest

Array = jax.Array
NORMALIZATIONS = ("batch", "instance", "none")
UPSAMPLINGS = ("transposed", "nearest")


class Normalized(nn.Module):
    """A convolution [B, H, W, C] to [B, H', W', features], and a norm; no rectifier.

    As in the authors' code of CycleGAN and pix2pix: weights from N(0, 0.02), and no bias that batch
    norm would take away.

    Attributes:
      features: channels of the output.
      kernel_size: the side of the kernel.
      strides: of the convolution.
      padding: pixels at each side.
      up: how the map becomes ``strides`` times as large instead: by a ``'transposed'`` convolution,
        or by ``'nearest'`` pixels and a convolution of 3 (Odena et al. 2016, "Deconvolution and
        Checkerboard Artifacts"); ``None``: it does not.
      normalization: ``'batch'``, ``'instance'`` (without parameters) or ``'none'``.
      use_bias: ``None``: where there is no batch norm.
      dtype: of the computation.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    features: int
    kernel_size: int = 3
    strides: int = 1
    padding: int = 1
    up: str | None = None
    normalization: str = "instance"
    use_bias: bool | None = None
    dtype: Any = None
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Convolve and normalize ``x``."""
        blocks.choose("normalization", self.normalization, NORMALIZATIONS)
        if self.up is not None:
            blocks.choose("upsample", self.up, UPSAMPLINGS)
        bias = self.normalization != "batch" if self.use_bias is None else self.use_bias
        kernel, strides, padding = self.kernel_size, self.strides, self.padding
        if self.up == "nearest":
            x, kernel, strides, padding = upsample_nearest(x, strides), 3, 1, 1
        layer = (ConvTranspose if self.up == "transposed" else Conv)(
            self.features,
            kernel_size=kernel,
            strides=strides,
            padding=padding,
            use_bias=bias,
            kernel_init=blocks.NORMAL,
            dtype=self.dtype,
            name="conv",
        )
        x = layer(x)
        if self.normalization == "instance":
            return instance_norm(x)
        if self.normalization == "none":
            return x
        norm = blocks.batch_norm(
            train, self.axis_name, self.dtype, blocks.normal_about_one, name="norm"
        )
        return norm(x)


def layers_of(network: Any, train: bool) -> Callable[..., Array]:
    """``(name, features, x, **fields)`` by a ``Normalized`` as the network has them, within it."""
    own = {
        "normalization": network.normalization,
        "dtype": network.dtype,
        "axis_name": network.axis_name,
    }

    def layer(name: str, features: int, x: Array, **fields: Any) -> Array:
        return Normalized(features, name=name, **{**own, **fields})(x, train=train)

    return layer


def reflect(x: Array, width: int) -> Array:
    """Images [B, H, W, C] with a border of their mirrored pixels.

    Raises:
      ValueError: if they are too small for it.
    """
    if min(x.shape[1:3]) <= width:
        raise ValueError(f"images of {x.shape[1]}x{x.shape[2]} have no {width} pixels to mirror")
    return jnp.pad(x, ((0, 0), (width, width), (width, width), (0, 0)), "reflect")


def dropout(x: Array, rate: float, keys: Array | None, place: int) -> Array:
    """Dropout of maps [B, ...] by each sample's key; as they are without keys.

    Args:
      x: the maps.
      rate: the share that is set to 0; the rest is scaled up.
      keys: [B], folded with ``place``.
      place: another one for each use of the same keys.
    """
    if keys is None or not rate:
        return x
    own = jax.vmap(jax.random.fold_in, (0, None))(keys, place)
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - rate, x.shape[1:]))(own)
    return jnp.where(kept, x / (1 - rate), jnp.zeros_like(x))
