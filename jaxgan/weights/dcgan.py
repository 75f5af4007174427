"""PyTorch's DCGAN example as variables of ``networks.dcgan``: netG and netD, ``main.N`` in turn.

A first transposed convolution from one pixel is our dense layer, and a last one to one pixel our
logits. None of theirs has a bias: ours are zeros.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.biggan import Parts, PyTree, shape_of
from jaxgan.weights.torch_layers import Layers

SMALLEST = 4  # the side of the first maps of G, and of the last ones of D


def generator(
    tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any] | None = None
) -> Parts:
    """The fields of ``networks.dcgan.Generator`` and its variables.

    Args:
      tensors: those of ``netG_epoch_N.pth``.
      settings: not needed; the shapes tell.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    layers, count = Layers(tensors), count_convolutions(tensors)
    z, wide = shape_of(tensors, "main.0.weight", 4)[:2]
    last = f"main.{3 * (count - 1)}.weight"
    width, colours = shape_of(tensors, last, 4)[:2]
    side = SMALLEST * 2 ** (count - 1)
    fields = {"shape": (side, side, colours), "width": width, "max_width": wide}
    first = layers.take("main.0.weight", z, wide, SMALLEST, SMALLEST)
    layers.put("params", "Dense_0", kernel=first.transpose(0, 2, 3, 1).reshape(z, -1))
    for i in range(1, count):
        norm(layers, i - 1, f"main.{3 * i - 2}", wide)
        at = f"main.{3 * i}.weight"
        narrow = shape_of(tensors, at, 4)[1]
        weight = layers.take(at, wide, narrow, 4, 4)
        layers.put("params", f"ConvTranspose_{i - 1}", kernel=weight.transpose(2, 3, 0, 1))
        wide = narrow
    layers.put("params", f"ConvTranspose_{count - 2}", bias=np.zeros(colours))
    return fields, layers.variables()


def discriminator(
    tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any] | None = None
) -> Parts:
    """The fields of ``networks.dcgan.Discriminator`` and its variables, likewise.

    Its logits are before the sigmoid that theirs ends in.

    Raises:
      ValueError: as ``generator`` does.
    """
    layers, count = Layers(tensors), count_convolutions(tensors)
    width, colours = shape_of(tensors, "main.0.weight", 4)[:2]
    inner, index = colours, 0
    for i in range(count - 1):
        at = f"main.{index}.weight"
        features = shape_of(tensors, at, 4)[0]
        weight = layers.take(at, features, inner, 4, 4)
        layers.put("params", f"Conv_{i}", kernel=weight.transpose(2, 3, 1, 0))
        if i:
            norm(layers, i - 1, f"main.{index + 1}", features)
        inner, index = features, index + (3 if i else 2)
    layers.put("params", "Conv_0", bias=np.zeros(width))
    last = layers.take(f"main.{index}.weight", 1, inner, SMALLEST, SMALLEST)
    kernel = last.transpose(2, 3, 1, 0).reshape(-1, 1)
    layers.put("params", "logits", kernel=kernel, bias=np.zeros(1))
    return {"width": width, "max_width": inner}, layers.variables()


def latent_dim(fields: Mapping[str, Any], variables: Mapping[str, PyTree]) -> int:
    """How long the latents are of a generator that ``generator`` gave."""
    return len(variables["params"]["Dense_0"]["kernel"])


def count_convolutions(tensors: Mapping[str, np.ndarray]) -> int:
    """How many kernels there are.

    Raises:
      ValueError: if they are too few for a network of this kind.
    """
    count = sum(tensor.ndim == 4 for tensor in tensors.values())
    if count < 3:
        raise ValueError(f"it has {count} convolutions, and at least 3 are due here")
    return count


def norm(layers: Layers, i: int, at: str, channels: int) -> None:
    """The i-th batch norm."""
    scale, bias = (layers.take(f"{at}.{name}", channels) for name in ("weight", "bias"))
    layers.put("params", f"BatchNorm_{i}", scale=scale, bias=bias)
    layers.statistics(f"BatchNorm_{i}", at, channels)
