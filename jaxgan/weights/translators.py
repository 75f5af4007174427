"""CycleGAN's and pix2pix's tensors in our layouts, and the architecture that their names tell.

Of pytorch-CycleGAN-and-pix2pix: generators ``resnet_Nblocks`` and ``unet_SIDE`` (the side that it
takes to one pixel), discriminators of patches and of pixels. A layer of ours is named by what it
does, ``down_0/conv`` and ``down_0/norm``; kernels are [kh, kw, in, out], also of transposed
convolutions.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan import networks
from jaxgan.weights.biggan import PyTree, shape_of
from jaxgan.weights.torch_layers import Layers

Tensors = Mapping[str, np.ndarray]
GENERATORS = ("resnet", "unet")


@dataclasses.dataclass(frozen=True)
class Translator:
    """A network that was read.

    Attributes:
      kind: ``'resnet'``, ``'unet'``, ``'patch'`` or ``'pixel'``.
      depth: its residual blocks; its halvings; of patches, the layers between the first and the
        last; of pixels, 1.
      width: channels of the first layer.
      into: channels of what it is given: of a discriminator under a condition, of both images.
      out: channels of what it gives.
      norm: ``'batch'``, or ``'instance'``, which has no parameters.
      dropout: whether blocks have dropout; ``None`` where the names do not tell.
      variables: ``params`` and ``batch_stats``.
    """

    kind: str
    depth: int
    width: int
    into: int
    out: int
    norm: str
    dropout: bool | None
    variables: dict[str, PyTree]

    @property
    def name(self) -> str:
        """What their options call it."""
        names = {
            "resnet": f"resnet_{self.depth}blocks",
            "unet": f"unet_{2**self.depth}",
            "patch": f"n_layers of {self.depth}",
            "pixel": "pixel",
        }
        return names[self.kind]


def read(tensors: Tensors) -> Translator:
    """The network of a ``latest_net_G*.pth`` or ``latest_net_D*.pth``.

    Files of 2017 have running statistics of instance norm, which never were of use: they are left
    out, as their own program does.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    kept = {key: value for key, value in tensors.items() if not _is_idle(key, tensors)}
    layers = Layers(kept)
    batch = any(key.endswith(".running_mean") for key in kept)
    reader = next(r for start, r in READERS.items() if any(k.startswith(start) for k in kept))
    found = reader(layers, kept, batch)
    norm = "batch" if batch else "instance"
    return Translator(**found, norm=norm, variables=layers.variables())


def network(found: Translator) -> Any:
    """The module that takes the variables of what was read."""
    fields: dict[str, Any] = {"width": found.width, "normalization": found.norm}
    if found.kind in ("patch", "pixel"):
        return build(
            "discriminator", "patchgan", layers=found.depth * (found.kind == "patch"), **fields
        )
    fields |= {"shape": (1, 1, found.out)}
    if found.kind == "unet":
        return build("generator", "unet", depth=found.depth, **fields)
    dropout = 0.5 if found.dropout else 0.0
    return build("generator", "translator", residual_blocks=found.depth, dropout=dropout, **fields)


def build(role: str, family: str, **fields: Any) -> Any:
    """A network of ours by the name of its family."""
    return networks.find_class(role, family)(**fields)


def resnet(layers: Layers, tensors: Tensors, batch: bool) -> dict[str, Any]:
    """A convolution, two halvings, residual blocks, two doublings, a convolution."""
    width, into = shape_of(tensors, "model.1.weight", 4)[:2]
    blocks = len({m[1] for k in tensors if (m := re.match(r"model\.(\d+)\.conv_block\.", k))})
    second = "model.10.conv_block.6.weight"
    dropout = second in tensors and tensors[second].ndim == 4
    layer(layers, "first", "model.1", (width, into, 7), batch, "model.2")
    for i in range(2):
        shape, place = (width * 2 ** (i + 1), width * 2**i, 3), 4 + 3 * i
        layer(layers, f"down_{i}", f"model.{place}", shape, batch, f"model.{place + 1}")
    for i in range(blocks):
        at = f"model.{10 + i}.conv_block"
        for j, place in enumerate((1, 6 if dropout else 5)):
            path, shape = f"block_{i}_{j}", (width * 4, width * 4, 3)
            layer(layers, path, f"{at}.{place}", shape, batch, f"{at}.{place + 1}")
    for i in range(2):
        shape, place = (width * 2 ** (1 - i), width * 2 ** (2 - i), 3), 10 + blocks + 3 * i
        layer(layers, f"up_{i}", f"model.{place}", shape, batch, f"model.{place + 1}", turned=True)
    last = f"model.{17 + blocks}"
    out = shape_of(tensors, f"{last}.weight", 4)[0]
    convolution(layers, "last", last, (out, width, 7), bias=True)
    return {
        "kind": "resnet",
        "depth": blocks,
        "width": width,
        "into": into,
        "out": out,
        "dropout": dropout,
    }


def unet(layers: Layers, tensors: Tensors, batch: bool) -> dict[str, Any]:
    """Halvings nested in one another, each with the doubling that undoes it."""
    width, into = shape_of(tensors, "model.model.0.weight", 4)[:2]
    out = shape_of(tensors, "model.model.3.weight", 4)[1]
    depth = 1 + max(key.count("model.") - 2 for key in tensors)
    convolution(layers, "down_0/conv", "model.model.0", (width, into, 4), bias=not batch)
    at, inner = "model.model.1", width
    for i in range(1, depth):
        features = shape_of(tensors, f"{at}.model.1.weight", 4)[0]
        deepest = i == depth - 1
        # No norm where one pixel may be left.
        down = None if deepest else f"{at}.model.2"
        layer(layers, f"down_{i}", f"{at}.model.1", (features, inner, 4), batch, down)
        place = 3 if deepest else 5
        shape = (inner, features * (1 if deepest else 2), 4)
        up, norm = f"{at}.model.{place}", f"{at}.model.{place + 1}"
        layer(layers, f"up_{i}", up, shape, batch, norm, turned=True)
        at, inner = f"{at}.model.3", features
    convolution(layers, "up_0/conv", "model.model.3", (out, 2 * width, 4), bias=True, turned=True)
    return {
        "kind": "unet",
        "depth": depth,
        "width": width,
        "into": into,
        "out": out,
        "dropout": None,
    }


def patch(layers: Layers, tensors: Tensors, batch: bool) -> dict[str, Any]:
    """Convolutions of 4 by 4 to a map of logits."""
    width, into = shape_of(tensors, "model.0.weight", 4)[:2]
    depth = sum(value.ndim == 4 for value in tensors.values()) - 2
    convolution(layers, "first/conv", "model.0", (width, into, 4), bias=True)
    inner = width
    for i in range(depth):
        at = f"model.{2 + 3 * i}"
        features = shape_of(tensors, f"{at}.weight", 4)[0]
        layer(layers, f"layer_{i}", at, (features, inner, 4), batch, f"model.{3 + 3 * i}")
        inner = features
    convolution(layers, "last/conv", f"model.{2 + 3 * depth}", (1, inner, 4), bias=True)
    return {
        "kind": "patch",
        "depth": depth,
        "width": width,
        "into": into,
        "out": 1,
        "dropout": False,
    }


def pixel(layers: Layers, tensors: Tensors, batch: bool) -> dict[str, Any]:
    """Three convolutions of one pixel."""
    width, into = shape_of(tensors, "net.0.weight", 4)[:2]
    convolution(layers, "first/conv", "net.0", (width, into, 1), bias=True)
    layer(layers, "layer_0", "net.2", (2 * width, width, 1), batch, "net.3")
    convolution(layers, "last/conv", "net.5", (1, 2 * width, 1), bias=not batch)
    return {"kind": "pixel", "depth": 1, "width": width, "into": into, "out": 1, "dropout": False}


# By how a key of theirs begins that the others have not; in this order.
READERS = {"net.": pixel, "model.model.": unet, "model.0.": patch, "model.1.": resnet}


def layer(
    layers: Layers,
    path: str,
    at: str,
    shape: tuple[int, int, int],
    batch: bool,
    norm: str | None,
    turned: bool = False,
) -> None:
    """A convolution and the norm behind it; beside batch norm it has no bias.

    Args:
      layers: theirs and ours.
      path: ours.
      at: their convolution.
      shape: (out, in, side of the kernel).
      batch: whether norms are batch norms.
      norm: their norm; ``None`` for none.
      turned: whether it is a transposed convolution, stored [in, out, kh, kw].
    """
    convolution(layers, f"{path}/conv", at, shape, bias=not batch, turned=turned)
    if batch and norm is not None:
        scale, bias = (layers.take(f"{norm}.{name}", shape[0]) for name in ("weight", "bias"))
        layers.put("params", f"{path}/norm", scale=scale, bias=bias)
        layers.statistics(f"{path}/norm", norm, shape[0])


def convolution(
    layers: Layers,
    path: str,
    at: str,
    shape: tuple[int, int, int],
    *,
    bias: bool,
    turned: bool = False,
) -> None:
    """A convolution alone."""
    out, into, size = shape
    first, second = (into, out) if turned else (out, into)
    weight = layers.take(f"{at}.weight", first, second, size, size)
    layers.put("params", path, kernel=weight.transpose((2, 3, 0, 1) if turned else (2, 3, 1, 0)))
    if bias:
        layers.put("params", path, bias=layers.take(f"{at}.bias", out))


def _is_idle(key: str, tensors: Tensors) -> bool:
    """Whether it is a statistic of an instance norm: one without scale and bias."""
    at, _, name = key.rpartition(".")
    return name in ("running_mean", "running_var", "num_batches_tracked") and (
        f"{at}.weight" not in tensors
    )
