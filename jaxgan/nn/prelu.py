"""The rectifier that learns its slope below zero."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.nn.weights import parameter


class PReLU(nn.Module):
    """``max(x, 0) + a min(x, 0)``: [..., C] to [..., C], with a parameter ``slope`` [C].

    He et al. 2015, "Delving Deep into Rectifiers" (arXiv:1502.01852), eq. 1.

    Attributes:
      initial: the slope at the start.
    """

    initial: float = 0.25

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Rectify ``x``, in its dtype."""
        start = nn.initializers.constant(self.initial)
        slope = parameter(self, "slope", start, x.shape[-1:]).astype(x.dtype)
        slope = slope.reshape((1,) * (x.ndim - 1) + slope.shape)
        return jnp.maximum(x, 0) + slope * jnp.minimum(x, 0)
