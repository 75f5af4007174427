"""The splits of one dataset, each opened once, and which samples two of them share."""

import dataclasses
import hashlib
from functools import cached_property
from typing import Any

import numpy as np

from jaxgan.data import datasets
from jaxgan.data.source import Source, Spec


@dataclasses.dataclass(frozen=True)
class Splits:
    """The splits of the dataset that ``config.data`` names; handed down instead of opened again.

    Attributes:
      data: ``config.data``, see ``datasets.open_sources``.
      whole: with the classes that ``data.without`` leaves out.
    """

    data: Any
    whole: bool = False
    _specs: dict[str, Spec] = dataclasses.field(default_factory=dict)
    _sources: dict[str, dict[str, Source]] = dataclasses.field(default_factory=dict)

    def source(self, split: str = "") -> Source:
        """The source of the images of a split, see ``sources``.

        Raises:
          UserError: as ``datasets.open_sources`` does.
        """
        return self.sources(split)["image"]

    def sources(self, split: str = "") -> dict[str, Source]:
        """A split, ``data.split`` by default, opened when it is first asked for.

        Raises:
          UserError: as ``datasets.open_sources`` does.
        """
        split = split or getattr(self.data, "split", "train")
        if split not in self._sources:
            self._sources[split] = datasets.open_sources(self.data, split, whole=self.whole)
        return self._sources[split]

    def spec(self, split: str = "") -> Spec:
        """What is known of a split without opening it, see ``datasets.describe``.

        Raises:
          UserError: as ``datasets.describe`` does.
        """
        split = split or getattr(self.data, "split", "train")
        if split not in self._specs:
            self._specs[split] = datasets.describe(self.data, split, whole=self.whole)
        return self._specs[split]

    @cached_property
    def complete(self) -> "Splits":
        """The splits with the classes that ``data.without`` leaves out of these."""
        return Splits(self.data, whole=True) if getattr(self.data, "without", ()) else self


def shared(a: Source, b: Source) -> np.ndarray:
    """The ids, int64 and in order, of the stored samples that are in both of two splits.

    Splits that know no ids share everything if they have one name, else, as far as is known,
    nothing.
    """
    return np.intersect1d(ids(a), ids(b))


def apart(source: Source, other: Source) -> np.ndarray:
    """Which samples of a source another one has not: bool [N]."""
    return ~np.isin(ids(source), shared(source, other))


def ids(source: Source) -> np.ndarray:
    """Which stored sample each sample of a split is: int64 [size]."""
    if source.ids is not None:
        return source.ids()
    # A name stands for its samples: two splits of other names get ids that do not meet.
    first = int.from_bytes(hashlib.sha256(source.split.encode()).digest()[:4], "big") << 31
    return first + np.arange(source.size, dtype=np.int64)
