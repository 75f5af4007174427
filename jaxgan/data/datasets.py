"""From the data part of a config to the dataset that it names."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from jaxgan.base.errors import UserError, unknown
from jaxgan.data import (
    catalogue,
    classes,
    digits,
    domains,
    folder,
    mixtures,
    npz,
    own,
    padded,
    pairs,
    reduced,
    stacked,
)
from jaxgan.data.image_files import Fit
from jaxgan.data.labels import read_all
from jaxgan.data.source import Source, Spec


class _Dataset(NamedTuple):
    """What opens and describes a split; and gives its labels unopened, where that can be had."""

    open: Callable[[str], Source]
    describe: Callable[[str], Spec]
    labels: Callable[[str], np.ndarray] | None = None


def open_source(data: Any, split: str | None = None) -> Source:
    """The source of the images of the dataset that ``config.data`` names, see ``open_sources``."""
    return open_sources(data, split)["image"]


def open_sources(data: Any, split: str | None = None, *, whole: bool = False) -> dict[str, Source]:
    """Open the dataset that ``config.data`` names.

    Args:
      data: with the attributes ``name`` ('digits', 'digit_edges', 'ring', 'grid', 'random',
        'swiss_roll', 'stacked_mnist', 'folder', 'pairs', 'npz', a TFDS name, or the dotted name of
        a function ``(data, split) -> Source`` in a module of your own), and optionally ``data_dir``
        (folder or file; '' for the default), ``split``, ``image_size`` (0: as stored),
        ``channels`` (0: as stored, 1 or 3), ``pad`` (a black border up to this side; 0: none),
        ``bad_images`` ('error' or 'skip', for 'folder' and 'pairs'), ``direction`` ('AtoB' or
        'BtoA', for 'pairs'), ``domains`` (two classes of a labelled set, by name or number; () for
        none), ``without`` (classes that are left out; likewise) and ``low_resolution`` (the images
        become targets, and are reduced by this factor; 0: no).
      split: instead of ``data.split``.
      whole: with the classes that ``data.without`` leaves out.

    Returns:
      ``{'image': source}``. Of ``domains`` that source has the samples of the first one, and
      another one, 'target', those of the second; both give them as ``'image'``.

    Raises:
      UserError: the dataset, the split or a field does not exist, or the data cannot be used.
    """
    split = split or _field(data, "split", "train")
    source = _find(data).open(split)
    if side := _pad(data):
        source = padded.pad(source, side, data.name)
    if factor := _low_resolution(data):
        source = reduced.reduce(source, factor, data.name)
    if (without := _without(data)) and not whole:
        source = classes.leave_out(source, without, _where(data, split))
    if chosen := _field(data, "domains", ()):
        return domains.cut(source, chosen, _where(data, split))
    return {"image": source}


def describe(data: Any, split: str | None = None, *, whole: bool = False) -> Spec:
    """The shape, number of classes and size of a dataset, without reading it.

    It takes the arguments of ``open_sources`` and raises its errors, but for those that only show
    when images are decoded; it writes nothing. Of two domains it is the spec of the images, with
    the shape and the number of the targets; then it reads all labels, and also where classes are
    left out.
    """
    split = split or _field(data, "split", "train")
    found = _find(data)
    spec = found.describe(split)
    if side := _pad(data):
        spec = padded.describe(spec, side, data.name)
    if factor := _low_resolution(data):
        spec = reduced.describe(spec, factor, data.name)
    chosen, without = _field(data, "domains", ()), () if whole else _without(data)
    if not chosen and not without:
        return spec
    labels = np.zeros(0, np.int32)
    if spec.num_classes:
        labels = found.labels(split) if found.labels else read_all(found.open(split))
    choose = domains if chosen else classes
    return choose.describe(spec, labels, chosen or without, _where(data, split))


def _without(data: Any) -> classes.Classes:
    chosen = _field(data, "without", ())
    if chosen and _field(data, "domains", ()):
        raise UserError(
            "data.without leaves classes out, and data.domains are two: set one of them"
        )
    return chosen


def _where(data: Any, split: str) -> str:
    return f"the {split} split of {data.name!r}"


def _find(data: Any) -> _Dataset:
    """The dataset of this name, bound to the checked fields."""
    name, data_dir, fit = data.name, _field(data, "data_dir", ""), _fit(data)
    if opened := own.find(name):
        return _Dataset(partial(opened, data), lambda split: opened(data, split).spec)
    direction = _direction(data)
    if name in mixtures.NAMES:
        return _Dataset(partial(mixtures.open_mixture, name), partial(mixtures.describe, name))
    if name == "digits":
        return _Dataset(
            lambda split: digits.open_digits(split, **fit),
            lambda split: digits.describe(split, **fit),
        )
    if name == "digit_edges":
        return _Dataset(
            lambda split: digits.open_edges(split, **fit),
            lambda split: digits.describe_edges(split, **fit),
        )
    if name == "stacked_mnist":
        return _Dataset(
            lambda split: stacked.open_stacked(data_dir, split, **fit),
            lambda split: stacked.describe(data_dir, split, **fit),
        )
    if name in ("folder", "pairs"):
        where, of_files = _needed(data_dir, name), Fit(**fit, bad_images=_bad_images(data))
        if name == "pairs":
            return _Dataset(
                partial(pairs.open_pairs, where, fit=of_files, direction=direction),
                partial(pairs.describe, where, fit=of_files, direction=direction),
            )
        sides = bool(_field(data, "domains", ()))
        return _Dataset(
            partial(folder.open_folder, where, fit=of_files, sides=sides),
            partial(folder.describe, where, fit=of_files, sides=sides),
            partial(folder.list_labels, where, sides=sides),
        )
    if name == "npz":
        where = _needed(data_dir, name)
        return _Dataset(
            lambda split: npz.open_npz(where, split, **fit),
            lambda split: npz.describe(where, split, **fit),
            partial(npz.load_labels, where),
        )
    return _Dataset(
        lambda split: catalogue.open_catalogue(name, data_dir, split, **fit),
        lambda split: catalogue.describe(name, data_dir, split, **fit),
    )


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


def _direction(data: Any) -> str:
    choice = _field(data, "direction", "AtoB")
    if choice not in pairs.DIRECTIONS:
        raise unknown("data.direction", choice, pairs.DIRECTIONS)
    if choice != "AtoB" and data.name != "pairs":
        raise UserError(
            f"data.direction={choice!r} is of 'pairs' alone, not of {data.name!r}; two data.domains"
            " change places by their order"
        )
    return choice


def _pad(data: Any) -> int:
    if (side := _field(data, "pad", 0)) < 0:
        raise UserError(f"data.pad is {side}; it must be 0 (no border) or more")
    return side


def _low_resolution(data: Any) -> int:
    factor = _field(data, "low_resolution", 0)
    if factor < 0 or factor == 1:
        raise UserError(f"data.low_resolution is {factor}; it must be 0 (none), or 2 or more")
    if factor and _field(data, "domains", ()):
        raise UserError(
            "data.low_resolution makes pairs, and data.domains have none; set one of them"
        )
    return factor


def _needed(data_dir: str, name: str) -> str:
    if not data_dir:
        raise UserError(f"dataset {name!r} needs data.data_dir, the path to read")
    return data_dir
