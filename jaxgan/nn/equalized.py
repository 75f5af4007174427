"""Equalized learning rate: parameters of unit variance, scaled at run time."""

import dataclasses
import math

from flax import linen as nn
from jax import Array

from jaxgan.nn.weights import Initializer, plain


@dataclasses.dataclass(frozen=True)
class EqualizedLR:
    """Scales a layer's standard normal kernel by He's constant (Karras et al. 2018, section 4.1).

    A weight for `Dense`, `Conv`, `ConvTranspose` and `Embed`::

        Conv(64, 3, weight=EqualizedLR(gain=2**0.5))

    The kernel is stored with variance ``lr_multiplier ** -2`` and used times
    ``gain * lr_multiplier / sqrt(fan_in)``; the layer's own ``kernel_init`` is not used. A bias is
    stored divided and used multiplied by ``lr_multiplier``, so that it starts as its initializer
    says. With ``gain`` 1, inputs of unit variance give outputs of unit variance.

    Attributes:
      gain: sqrt(2) before a rectifier, 1 before a linear output.
      lr_multiplier: factor on the learning rate, 0.01 in StyleGAN's mapping network.
    """

    gain: float = 1.0
    lr_multiplier: float = 1.0

    def __post_init__(self) -> None:
        """Check the attributes."""
        for name, value in (("gain", self.gain), ("lr_multiplier", self.lr_multiplier)):
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")

    def __call__(
        self,
        module: nn.Module,
        name: str,
        init: Initializer,
        shape: tuple[int, ...],
        fan_in: float | None,
    ) -> Array:
        """The scaled parameter, as `jaxgan.nn.weights.Weight` has it."""
        if fan_in is None:

            def divide(*args: object) -> Array:
                return init(*args) / self.lr_multiplier

            return plain(module, name, divide, shape, None) * self.lr_multiplier
        normal = nn.initializers.normal(1 / self.lr_multiplier)
        value = plain(module, name, normal, shape, fan_in)
        return value * (self.gain * self.lr_multiplier / math.sqrt(fan_in))
