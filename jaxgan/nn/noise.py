"""Noise added to feature maps, drawn per image so that it does not depend on the device count."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from jaxgan.nn.weights import parameter, per_channel


def sample_noise(keys: Array, height: int, width: int, layer: int = 0) -> Array:
    """Standard normal noise of one channel for each image.

    Args:
      keys: one key per image [B], e.g. `jax.random.split(key, B)` of the global batch.
      height: of the feature map.
      width: of the feature map.
      layer: folded into the keys, so that the layers of a network draw independently.

    Returns:
      float32 [B, height, width, 1].
    """

    def draw(key: Array) -> Array:
        return jax.random.normal(jax.random.fold_in(key, layer), (height, width, 1), jnp.float32)

    return jax.vmap(draw)(keys)


class NoiseInjection(nn.Module):
    """Adds given noise times a learned strength that starts at zero.

    StyleGAN has a strength per channel (Karras et al. 2019, section 2), StyleGAN2 a single one
    (Karras et al. 2020, appendix B).

    Attributes:
      per_channel: whether ``strength`` is [C] or a scalar.
    """

    per_channel: bool = False

    @nn.compact
    def __call__(self, x: Array, noise: Array) -> Array:
        """Add ``noise`` [B or 1, H, W, 1] to ``x`` [B, H, W, C]; see `sample_noise`."""
        if x.ndim != 4 or noise.shape not in ((*x.shape[:3], 1), (1, *x.shape[1:3], 1)):
            raise ValueError(
                f"noise must be [B or 1, H, W, 1] for x [B, H, W, C], got {noise.shape} and "
                f"{x.shape}"
            )
        shape = (x.shape[-1],) if self.per_channel else ()
        strength = parameter(self, "strength", nn.initializers.zeros_init(), shape)
        return x + (noise * per_channel(strength, x)).astype(x.dtype)
