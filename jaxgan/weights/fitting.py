"""Somebody else's tensors as ours: each taken once, their layouts, and what they make together."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class Tensors:
    """Tensors by published name; each is to be taken exactly once.

    Attributes:
      left: those that are not taken yet.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]):
        self.left = dict(tensors)

    def take(self, key: str) -> np.ndarray:
        """The tensor of that name, in float32.

        Raises:
          ValueError: if there is none.
        """
        if key not in self.left:
            raise ValueError(f"there is no {key!r}, or it was taken already")
        return np.asarray(self.left.pop(key), np.float32)

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
    return {"kernel": found.take(f"{at}.weight").T, "bias": found.take(f"{at}.bias")}


def judged_by(module: Any) -> Callable[..., Any]:
    """``(d, images, labels) -> logits`` of a discriminator, told of labels if there are any."""

    def discriminate(d: Any, images: Any, labels: Any) -> Any:
        return module.apply(d, images, *told(labels), train=False).logits

    return discriminate


def told(labels: Any) -> tuple:
    """The labels, if there are any."""
    return () if labels is None else (labels,)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """The networks of a published file as ours.

    Attributes:
      shape: [H, W, C] of an image.
      latent_dim: length of z.
      num_classes: of the labels; 0 where there are none.
      g: the generator's variables.
      generate: ``(g, z, labels, truncation, cutoff, noise) -> images``; ``noise`` is a key for each
        sample, ``'const'`` or ``'none'``.
      takes: which of truncation, cutoff and noise mean something to it.
      d: the discriminator's variables, or ``None``.
      discriminate: ``(d, images, labels) -> logits`` [B], or ``None``.
    """

    shape: tuple[int, ...]
    latent_dim: int
    num_classes: int
    g: Any
    generate: Callable[..., Any]
    takes: tuple[str, ...] = ()
    d: Any = None
    discriminate: Callable[..., Any] | None = None
