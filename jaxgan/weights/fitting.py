"""Somebody else's tensors as ours: each taken once, their layouts, the networks they make up."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.reading import File

PyTree = Any


class Tensors:
    """Tensors by published name; each is to be taken exactly once.

    Attributes:
      left: those that are not taken yet.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]):
        self.left = dict(tensors)

    def take(self, key: str, axes: int | None = None) -> np.ndarray:
        """The tensor of that name, in float32.

        Raises:
          ValueError: if there is none, or it has not so many axes.
        """
        if key not in self.left:
            raise ValueError(f"there is no {key!r}, or it was taken already")
        value = np.asarray(self.left.pop(key), np.float32)
        if axes is not None and value.ndim != axes:
            raise ValueError(f"{key!r} is {list(value.shape)}, and {axes} axes are due here")
        return value

    def check_empty(self) -> None:
        """Refuses tensors that are of no use.

        Raises:
          ValueError: naming the first one.
        """
        for key, value in self.left.items():
            raise ValueError(f"{key!r} {list(value.shape)} is of no use to this network")


def kernel(weight: np.ndarray) -> np.ndarray:
    """[out, in, kh, kw] as [kh, kw, in, out]."""
    return weight.transpose(2, 3, 1, 0)


def dense(found: Tensors, at: str) -> dict[str, np.ndarray]:
    """``AT.weight`` [out, in] and ``AT.bias``."""
    return {"kernel": found.take(f"{at}.weight", 2).T, "bias": found.take(f"{at}.bias", 1)}


@dataclasses.dataclass(frozen=True)
class Fitted:
    """The networks of a published file as ours: data alone, see ``players`` for what they do.

    Attributes:
      network: the family in ``jaxgan.networks`` that they are of.
      latent_dim: length of z.
      generator: the fields of its generator.
      g: the generator's variables.
      discriminator: the fields of its discriminator, or ``None``.
      d: the discriminator's variables, or ``None``.
      beside: the other file that was read, where each network has its own.
    """

    network: str
    latent_dim: int
    generator: dict[str, Any]
    g: PyTree
    discriminator: dict[str, Any] | None = None
    d: PyTree = None
    beside: File | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """[H, W, C] of an image."""
        return tuple(self.generator["shape"])

    @property
    def num_classes(self) -> int:
        """Of the labels; 0 where there are none."""
        return self.generator.get("num_classes") or 0
