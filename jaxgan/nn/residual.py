"""Residual blocks of up- and downsampling networks, and the batch norm of a condition in them."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from jaxgan.nn import blocks
from jaxgan.nn.conditional import ConditionalBatchNorm
from jaxgan.nn.resample import downsample_mean, upsample_nearest
from jaxgan.nn.weights import Initializer, Weight, plain

ZEROS: Initializer = nn.initializers.zeros_init()
# From a map and what it is conditioned by, if anything.
Norm = Callable[[jax.Array, jax.Array | None], jax.Array]


def batch_norm(
    condition: jax.Array | None,
    train: bool,
    axis_name: str | None,
    dtype: str,
    *,
    num_classes: int | None = None,
    weight: Weight = plain,
    init: Initializer = ZEROS,
    epsilon: float = 1e-5,
) -> Norm:
    """A function that normalizes maps, with a layer a call.

    Args:
      condition: labels [B], vectors [B, D], or ``None``.
      train: whether to take the batch's own statistics.
      axis_name: the mapped axis that they are averaged over.
      dtype: of the output.
      num_classes: of the labels; ``None`` for vectors.
      weight: how the maps from a vector to scale and bias are made.
      init: of those maps, or of the tables of labels.
      epsilon: added to the variance.
    """
    if condition is None:
        return lambda x, _: blocks.batch_norm(train, axis_name, dtype, epsilon=epsilon)(x)
    given: dict[str, Any] = {"axis_name": axis_name, "dtype": dtype, "epsilon": epsilon}
    if num_classes is not None:
        given |= {"num_classes": num_classes, "modulation_init": init}
    else:
        given |= {"weight": weight, "modulation_init": init}

    def conditional(x: jax.Array, condition: jax.Array | None) -> jax.Array:
        assert condition is not None
        return ConditionalBatchNorm(**given)(x, condition, train=train)

    return conditional


class UpBlock(nn.Module):
    """Norm, ReLU, up, conv, norm, ReLU, conv; and beside it a 1x1 convolution and up.

    Attributes:
      features: channels.
      norm: normalizes a map.
      conv: a convolution of so many features.
      shortcut: the one beside.
      upsample: doubles a map.
    """

    features: int
    norm: Norm
    conv: Callable[..., nn.Module]
    shortcut: Callable[..., nn.Module]
    upsample: Callable[[jax.Array], jax.Array] = upsample_nearest

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array | None) -> jax.Array:  # noqa: D102
        h = self.upsample(nn.relu(self.norm(x, condition)))
        h = self.conv(self.features)(h)
        h = self.conv(self.features)(nn.relu(self.norm(h, condition)))
        # A 1x1 convolution of what was doubled is what was convolved, doubled.
        return h + self.upsample(self.shortcut(self.features, name="shortcut")(x))


class DownBlock(nn.Module):
    """ReLU, conv, ReLU, conv, mean pooling; and beside it a 1x1 convolution where it is needed.

    Attributes:
      features: channels.
      hidden: channels between the two.
      down: whether the map is halved.
      first: whether it is the image that comes in: no ReLU before.
      conv: a convolution of so many features.
      shortcut: the one beside.
      rectified: whether the first ReLU stands before what is beside, too: it does where a program
        rectifies in place.
    """

    features: int
    hidden: int
    down: bool
    first: bool
    conv: Callable[..., nn.Module]
    shortcut: Callable[..., nn.Module]
    rectified: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:  # noqa: D102
        h = x if self.first else nn.relu(x)
        beside = h if self.rectified else x
        h = self.conv(self.hidden)(h)
        h = self.conv(self.features)(nn.relu(h))
        if self.down:
            # A 1x1 convolution of means is the mean of 1x1 convolutions.
            h, beside = downsample_mean(h), downsample_mean(beside)
        if self.down or x.shape[-1] != self.features:
            beside = self.shortcut(self.features, name="shortcut")(beside)
        return h + beside
