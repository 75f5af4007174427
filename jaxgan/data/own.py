"""Datasets of somebody's own: the function is found, and what it returns is looked at once."""

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.base import errors, lookup
from jaxgan.base.errors import UserError
from jaxgan.data import catalogue
from jaxgan.data.source import Batch, Source, warn_once

_LOOKED_AT = 32  # rows, evenly spaced


def find(name: str) -> Callable[[Any, str], Source] | None:
    """The function of that dotted name, if it is one; what it returns is checked.

    Raises:
      UserError: there is no such module, or no such function in it.
    """
    # Not a version of TFDS's, nor a path.
    if "." not in name or not all(part.isidentifier() for part in name.split(".")):
        return None
    function: Any = lookup.load_object("dataset", name, types.FunctionType, catalogue.BUILT_IN)

    def opened(data: Any, split: str) -> Source:
        whose = f"dataset {name!r}"
        with errors.stage(f"opening the {split} split of", whose):
            source: Any = function(data, split)
        if not isinstance(source, Source):
            raise UserError(
                f"{whose} must return a jaxgan.data.Source, not {type(source).__name__!r}"
            )
        source = told(source, whose)
        check(source, f"the {split} split of {whose}")
        return source

    return opened


def told(source: Source, whose: str) -> Source:
    """The source, with a sentence that names the dataset on whatever its ``read`` raises."""

    def read(indices: np.ndarray) -> Batch:
        with errors.stage("reading from", whose):
            return source.read(indices)

    return dataclasses.replace(source, read=read)


def check(source: Source, whose: str) -> None:
    """Reads a few rows, and compares them with what the source says of itself.

    Raises:
      UserError: where they differ.
    """
    if len(source.shape) not in (1, 3):
        raise UserError(f"{whose} has the shape {source.shape}; it must be (H, W, C), or (2,)")
    if source.size < 1:
        raise UserError(f"{whose} has no samples")
    rows = np.unique(np.linspace(0, source.size - 1, _LOOKED_AT).astype(np.int32))
    batch = source.read(rows)
    expected = {"image": source.shape}
    if source.num_classes:
        expected["label"] = ()
    if source.target and not source.targets:
        expected["target"] = source.target
    for entry, shape in expected.items():
        if entry not in batch:
            raise UserError(f"{whose} reads no {entry!r}; it reads: {', '.join(sorted(batch))}")
        if (found := np.shape(batch[entry])) != (len(rows), *shape):
            raise UserError(
                f"{whose} reads {entry!r} of shape {found} for {len(rows)} rows; it must be "
                f"{(len(rows), *shape)}"
            )
        if entry != "label":
            check_range(np.asarray(batch[entry]), f"{entry}s of {whose}")


def check_range(values: np.ndarray, whose: str) -> None:
    """Refuses images that are not in [-1, 1]; warns of points beyond, and of half of that range.

    Raises:
      UserError: with the range that they have.
    """
    if values.dtype == np.uint8:
        return
    low, high, images = values.min(), values.max(), values.ndim == 4
    told = f"the {whose} are {values.dtype} from {low:.4g} to {high:.4g}; they"
    if images and not (low >= -1 and high <= 1):
        raise UserError(f"{told} must be uint8, or float32 in [-1, 1]")
    if not (low >= -1 and high <= 1) or (images and low >= 0 and high > 0):
        warn_once(f"{told} should be uint8, or float32 in [-1, 1]")
