"""Classes of a labelled dataset that a config names: found, and left out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.base.errors import UserError, unknown
from jaxgan.data.labels import read_all
from jaxgan.data.source import Batch, Source, Spec

Classes = Sequence[str | int]


def number(spec: Spec, name: str | int, field: str, where: str) -> int:
    """The label of a class that is given by name or number.

    Args:
      spec: of a labelled set.
      name: one that is a number stands for the class of that name, if there is one.
      field: of the config, that names it.
      where: names the set and its split.

    Raises:
      UserError: if there is no such class.
    """
    text = str(name)
    if text in spec.classes:
        return spec.classes.index(text)
    if text.isascii() and text.isdecimal():
        if int(text) < spec.num_classes:
            return int(text)
        raise UserError(
            f"{field}: {where} has the classes 0 to {spec.num_classes - 1}, and none {text}"
        )
    if spec.classes:
        raise unknown(f"class in {field}", text, spec.classes)
    raise UserError(f"{field}: the classes of {where} have numbers and no names: {text!r}")


def numbers(spec: Spec, without: Classes, where: str) -> np.ndarray:
    """The labels of the classes that ``data.without`` names.

    Raises:
      UserError: if the set has no labels, or no such class.
    """
    if not spec.num_classes:
        raise UserError(f"data.without are classes, and {where} has no labels")
    found = [number(spec, name, "data.without", where) for name in without]
    return np.unique(np.array(found, np.int64))


def describe(spec: Spec, labels: np.ndarray, without: Classes, where: str) -> Spec:
    """The spec of what ``leave_out`` leaves of a set with these labels, int [N].

    Raises:
      UserError: as ``leave_out`` does.
    """
    return spec._replace(size=len(_rest(spec, labels, without, where)))


def leave_out(source: Source, without: Classes, where: str) -> Source:
    """The samples of the other classes, whose labels stay numbered as they were.

    Those without a label stay, too.

    Args:
      source: labelled.
      without: names or numbers of classes.
      where: names the set and its split.

    Raises:
      UserError: the set has no labels, no such class, or nothing is left of it.
    """
    labels = read_all(source)
    return select(source, _rest(source.spec, labels, without, where))


def select(source: Source, rows: np.ndarray, **changed: Any) -> Source:
    """The samples ``rows``, int [M], of a source, with what else is ``changed`` of it."""
    labels, ids = source.labels, source.ids

    def read(indices: np.ndarray) -> Batch:
        return source.read(rows[indices])

    own = {
        "size": len(rows),
        "read": read,
        "labels": None if labels is None else lambda indices: labels(rows[indices]),
        "ids": None if ids is None else lambda: ids()[rows],
    }
    return dataclasses.replace(source, **{**own, **changed})


def _rest(spec: Spec, labels: np.ndarray, without: Classes, where: str) -> np.ndarray:
    left = np.flatnonzero(~np.isin(labels, numbers(spec, without, where)))
    if not len(left):
        raise UserError(f"data.without leaves no sample of {where}")
    return left
