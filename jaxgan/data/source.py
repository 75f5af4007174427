"""What every dataset is once it is open: a shape, a size, and a function from indices to rows."""

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.base.errors import UserError

Batch = dict[str, np.ndarray]


class Spec(NamedTuple):
    """What a dataset holds, known without reading it.

    ``shape`` is (H, W, C), or (2,) for points; ``num_classes`` is 0 where there are no labels;
    ``size`` is the number of samples of the split. ``classes`` are the names of the labels 0, 1,
    ..., () where they have none. ``digest`` is a short text that differs where the stored samples
    of the split do, as far as can be told without decoding them; '' where nothing is known.
    ``target`` is the shape of what each image is paired with, () where that is nothing; ``targets``
    is how many there are where they are another set, and 0 where each lies in its image's row.
    ``pixels`` is the shape of the images of which these are latents, () where they are none.
    """

    shape: tuple[int, ...]
    num_classes: int
    size: int
    classes: tuple[str, ...] = ()
    digest: str = ""
    target: tuple[int, ...] = ()
    targets: int = 0
    pixels: tuple[int, ...] = ()

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers where they have none."""
        return self.classes or tuple(map(str, range(self.num_classes)))


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of a dataset, open for random access.

    ``read`` maps indices [B] to ``{'image': ..., 'label': ...}``: images are uint8 [B, H, W, C], or
    float32 [B, H, W, C] in [-1, 1], or points float32 [B, 2] in [-1, 1]; labels are int32 [B], and
    absent where ``num_classes`` is 0. A source of aligned pairs, which has the shape ``target`` and
    no ``targets`` beside it, gives ``'target'`` too, of the kinds that images are of. It may be
    called from several threads at once. A label outside [0, num_classes) is that of a sample
    without one (-1 in TFDS).

    ``labels`` maps indices [B] to labels int32 [B] without decoding an image, where that can be
    had. ``ids`` gives int64 [size]: which stored sample each one is, equal in two splits of a
    dataset exactly where they share it, however they are named. ``behind`` is the source of the
    images of which these are latents, row by row. For the other fields see ``Spec``.
    """

    name: str
    split: str
    shape: tuple[int, ...]
    num_classes: int
    size: int
    read: Callable[[np.ndarray], Batch]
    classes: tuple[str, ...] = ()
    digest: str = ""
    labels: Callable[[np.ndarray], np.ndarray] | None = None
    ids: Callable[[], np.ndarray] | None = None
    target: tuple[int, ...] = ()
    targets: int = 0
    pixels: tuple[int, ...] = ()
    behind: "Source | None" = None

    def __len__(self) -> int:
        """The number of samples."""
        return self.size

    @property
    def spec(self) -> Spec:
        """The part of the source that ``describe`` gives without opening it."""
        return Spec(**{field: getattr(self, field) for field in Spec._fields})


def in_memory(
    name: str,
    split: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    num_classes: int,
    targets: np.ndarray | None = None,
    **known: Any,
) -> Source:
    """A source over arrays that are already decoded: images [N, ...], labels [N] or None.

    ``targets`` [N, ...] are what the images are paired with, if anything; ``known`` are the fields
    ``classes``, ``digest`` and ``ids`` of the source.

    Raises:
      ValueError: if there are not as many of each.
    """
    columns = {"image": np.asarray(images)}
    if targets is not None:
        columns["target"] = np.asarray(targets)
        known["target"] = tuple(int(n) for n in columns["target"].shape[1:])
    if labels is not None:
        columns["label"] = np.asarray(labels).astype(np.int32)
    if len({len(column) for column in columns.values()}) > 1:
        counts = " and ".join(f"{len(column)} {key}s" for key, column in columns.items())
        raise ValueError(f"{counts}; there must be one for each image")

    def read(indices: np.ndarray) -> Batch:
        return {key: column[indices] for key, column in columns.items()}

    shape = tuple(int(n) for n in columns["image"].shape[1:])
    label = None if labels is None else lambda indices: columns["label"][indices]
    return Source(name, split, shape, num_classes, len(images), read, labels=label, **known)


def check_split(what: str, split: str, splits: Sequence[str]) -> None:
    """Raise a UserError that names the splits there are, if ``split`` is not one of them."""
    if split not in splits:
        raise UserError(f"{what} has no split {split!r}; it has: {', '.join(splits)}")


def numbered(split: int, size: int) -> np.ndarray:
    """The ``ids`` of the split of this number, int64 [size], where splits share no sample."""
    return (np.int64(split) << 40) + np.arange(size, dtype=np.int64)


def digest_of(*known: object) -> str:
    """A digest, for ``Spec``, of what is known about the stored samples: 16 hexadecimal digits."""
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def no_targets(whose: str, name: str) -> UserError:
    """The error for a dataset without the targets that a method needs."""
    return UserError(
        f"{whose} needs targets, and dataset {name!r} has none; set data.name='pairs', or two"
        " classes of it as data.domains"
    )


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning, but not again in this process: a run opens its data more than once."""
    logging.warning("%s", message)


def one_line(error: BaseException) -> str:
    """The message of an error of somebody else's, fit to stand inside a line of ours."""
    return " ".join(str(error).split()) or type(error).__name__
