"""From the data part of a config to the dataset that it names."""

import types
from collections.abc import Callable
from typing import Any

from jaxgan.base import lookup
from jaxgan.base.errors import UserError, unknown
from jaxgan.data import catalogue, digits, folder, mixtures, npz, stacked
from jaxgan.data.source import Source, Spec


def open_source(data: Any, split: str | None = None) -> Source:
    """Open the dataset that ``config.data`` names.

    Args:
      data: with the attributes ``name`` ('digits', 'ring', 'grid', 'random', 'swiss_roll',
        'stacked_mnist', 'folder', 'npz', a TFDS name, or the dotted name of a function
        ``(data, split) -> Source`` in a module of your own), and optionally ``data_dir``
        (folder or file; '' for the default), ``split``, ``image_size`` (0: as stored),
        ``channels`` (0: as stored, 1 or 3) and ``bad_images`` ('error' or 'skip', for
        'folder').
      split: instead of ``data.split``.

    Raises:
      UserError: the dataset, the split or a field does not exist, or the data cannot be used.
    """
    split = split or _field(data, "split", "train")
    name, data_dir, fit = data.name, _field(data, "data_dir", ""), _fit(data)
    if own := _own(name):
        return own(data, split)
    if name in mixtures.NAMES:
        return mixtures.open_mixture(name, split)
    if name == "digits":
        return digits.open_digits(split, **fit)
    if name == "stacked_mnist":
        return stacked.open_stacked(data_dir, split, **fit)
    if name == "folder":
        bad_images = _bad_images(data)
        return folder.open_folder(_needed(data_dir, name), split, bad_images=bad_images, **fit)
    if name == "npz":
        return npz.open_npz(_needed(data_dir, name), split, **fit)
    return catalogue.open_catalogue(name, data_dir, split, **fit)


def describe(data: Any, split: str | None = None) -> Spec:
    """The shape, number of classes and size of a dataset, without reading it.

    It takes the arguments of ``open_source`` and raises its errors, but for those that only show
    when images are decoded; it writes nothing.
    """
    split = split or _field(data, "split", "train")
    name, data_dir, fit = data.name, _field(data, "data_dir", ""), _fit(data)
    if own := _own(name):
        return own(data, split).spec
    if name in mixtures.NAMES:
        return mixtures.describe(name, split)
    if name == "digits":
        return digits.describe(split, **fit)
    if name == "stacked_mnist":
        return stacked.describe(data_dir, split, **fit)
    if name == "folder":
        bad_images = _bad_images(data)
        return folder.describe(_needed(data_dir, name), split, bad_images=bad_images, **fit)
    if name == "npz":
        return npz.describe(_needed(data_dir, name), split, **fit)
    return catalogue.describe(name, data_dir, split, **fit)


def _own(name: str) -> Callable[[Any, str], Source] | None:
    """Somebody's own dataset, named by its dotted name, if it is one.

    Raises:
      UserError: there is no such module, or no such function in it.
    """
    # Not a version of TFDS's, nor a path.
    if "." not in name or not all(part.isidentifier() for part in name.split(".")):
        return None

    function: Any = lookup.load_object("dataset", name, types.FunctionType, catalogue.BUILT_IN)

    def checked(data: Any, split: str) -> Source:
        source: Any = function(data, split)
        if not isinstance(source, Source):
            raise UserError(f"dataset {name!r} must return a jaxgan.data.Source")
        return source

    return checked


def _field(data: Any, field: str, default: Any) -> Any:
    return getattr(data, field, default)


def _fit(data: Any) -> dict[str, int]:
    """The checked ``image_size`` and ``channels``."""
    size, channels = _field(data, "image_size", 0), _field(data, "channels", 0)
    if size < 0:
        raise UserError(f"data.image_size is {size}; it must be 0 (as stored) or more")
    if channels not in (0, 1, 3):
        raise UserError(f"data.channels is {channels}; it must be 0 (as stored), 1 or 3")
    if data.name in mixtures.NAMES and (size or channels):
        raise UserError(
            f"dataset {data.name!r} is points: data.image_size and data.channels must be 0"
        )
    return {"image_size": size, "channels": channels}


def _bad_images(data: Any) -> str:
    choice = _field(data, "bad_images", "error")
    if choice not in ("error", "skip"):
        raise unknown("data.bad_images", choice, ("error", "skip"))
    return choice


def _needed(data_dir: str, name: str) -> str:
    if not data_dir:
        raise UserError(f"dataset {name!r} needs data.data_dir, the path to read")
    return data_dir
