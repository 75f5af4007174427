"""Somebody else's tensors by name, each taken once, and their layouts as ours."""

from collections.abc import Mapping

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
