"""What stands for a tensor while a file is read, and the array that it becomes.

A tensor of PyTorch is a view of a storage, whose bytes lie elsewhere in the file and are read only
if the tensor is asked for. An array of NumPy carries its own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

Buffer = bytes | memoryview


class Element(NamedTuple):
    """What a storage is of. A tuple, which nothing in a file can change."""

    dtype: np.dtype


ELEMENTS = {
    "torch.BFloat16Storage": Element(np.dtype(jnp.bfloat16)),
    "torch.BoolStorage": Element(np.dtype("?")),
    "torch.ByteStorage": Element(np.dtype("u1")),
    "torch.CharStorage": Element(np.dtype("i1")),
    "torch.DoubleStorage": Element(np.dtype("<f8")),
    "torch.FloatStorage": Element(np.dtype("<f4")),
    "torch.HalfStorage": Element(np.dtype("<f2")),
    "torch.IntStorage": Element(np.dtype("<i4")),
    "torch.LongStorage": Element(np.dtype("<i8")),
    "torch.ShortStorage": Element(np.dtype("<i2")),
    "torch.storage.UntypedStorage": Element(np.dtype("u1")),
}


@dataclass(frozen=True)
class Storage:
    """Numbers in a row, ``start`` of them into what ``raw`` reads."""

    dtype: np.dtype
    raw: Callable[[], Buffer]
    start: int = 0


@dataclass(frozen=True)
class Tensor:
    """A view of a storage: offset and strides are counted in its numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The values, read-only, in place in what was read.

        Raises:
          ValueError: if it reaches outside of its storage.
        """
        dtype = self.storage.dtype
        if 0 in self.shape:
            return np.empty(self.shape, dtype)
        numbers = np.frombuffer(self.storage.raw(), dtype)
        first = self.storage.start + self.offset
        # NumPy does not check a view's bounds.
        steps = [(size - 1) * step for size, step in zip(self.shape, self.strides, strict=True)]
        if min([first, *self.shape, *self.strides]) < 0 or first + sum(steps) >= numbers.size:
            raise ValueError(f"a tensor of shape {list(self.shape)} reaches outside its storage")
        strides = [step * dtype.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[first:], self.shape, strides, writeable=False
        )


class DType:
    """NumPy's type of numbers, as its pickles build it: a code, then a state with the order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[<>|=]?(b1|i[1248]|u[1248]|f[248])", code):
            raise ValueError(f"an array of {code!r}, which are no numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Takes the order of bytes."""
        self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """NumPy's array, as its pickles build it: empty, then a state with the values."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (0,)
        self._values = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Takes shape and values."""
        _, self.shape, kind, by_columns, data = state
        self._values = values(data, kind, self.shape, "F" if by_columns else "C")

    def array(self) -> np.ndarray:
        """The values, read-only."""
        return self._values


def rebuilt(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> Tensor:
    """PyTorch's ``_rebuild_tensor`` and ``_rebuild_tensor_v2``."""
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def values(data: Buffer | str, kind: DType, shape: tuple[int, ...], order: Any = "C") -> np.ndarray:
    """NumPy's ``_frombuffer``: the array in a pickle's bytes, which Python 2 wrote as text."""
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, kind.dtype).reshape(shape, order=order)


def scalar(kind: DType, data: Buffer | str) -> np.generic:
    """NumPy's ``scalar``: one number."""
    return values(data, kind, (1,))[0]


def is_tensor(value: Any) -> bool:
    """Whether ``array`` takes it."""
    return isinstance(value, Tensor | Array | np.ndarray | np.generic)


def array(value: Any) -> np.ndarray:
    """The array that a tensor, an array or a number of a file is; read-only, perhaps strided."""
    return value.array() if isinstance(value, Tensor | Array) else np.asarray(value)
