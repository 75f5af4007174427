"""What every dataset is once it is open: a shape, a size, and a function from indices to rows."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.errors import UserError

Batch = dict[str, np.ndarray]


class Spec(NamedTuple):
    """What a dataset holds, known without reading it.

    ``shape`` is (H, W, C), or (2,) for points; ``num_classes`` is 0 where there are no labels;
    ``size`` is the number of samples of the split.
    """

    shape: tuple[int, ...]
    num_classes: int
    size: int


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of a dataset, open for random access.

    ``read`` maps indices [B] to ``{'image': ..., 'label': ...}``: images are uint8 [B, H, W, C], or
    float32 [B, H, W, C] in [-1, 1], or points float32 [B, 2] in [-1, 1]; labels are int32 [B], and
    absent where ``num_classes`` is 0. It may be called from several threads at once.
    """

    name: str
    split: str
    shape: tuple[int, ...]
    num_classes: int
    size: int
    read: Callable[[np.ndarray], Batch]

    def __len__(self) -> int:
        """The number of samples."""
        return self.size

    @property
    def spec(self) -> Spec:
        """The part of the source that ``describe`` gives without opening it."""
        return Spec(self.shape, self.num_classes, self.size)


def in_memory(
    name: str, split: str, images: np.ndarray, labels: np.ndarray | None, num_classes: int
) -> Source:
    """A source over arrays that are already decoded: images [N, ...], labels [N] or None."""
    columns = {"image": images}
    if labels is not None:
        columns["label"] = labels.astype(np.int32)

    def read(indices: np.ndarray) -> Batch:
        return {key: column[indices] for key, column in columns.items()}

    shape = tuple(int(n) for n in images.shape[1:])
    return Source(name, split, shape, num_classes, len(images), read)


def check_split(what: str, split: str, splits: Sequence[str]) -> None:
    """Raise a UserError that names the splits there are, if ``split`` is not one of them."""
    if split not in splits:
        raise UserError(f"{what} has no split {split!r}; it has: {', '.join(splits)}")


def one_line(error: BaseException) -> str:
    """The message of an error of somebody else's, fit to stand inside a line of ours."""
    return " ".join(str(error).split()) or type(error).__name__
