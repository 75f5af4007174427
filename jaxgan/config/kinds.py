"""Whether a value is of the type that a field has."""

import collections.abc
import contextlib
import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan.base import errors
from jaxgan.config.fields import plain


def fit_type(where: str, value: Any, like: Any) -> Any:
    """``value``, of the type of ``like``: a whole number may stand for a float.

    Raises:
      UserError: if it is of another type.
    """
    try:
        return conform(value, like)
    except TypeError:
        kind = "list of values" if isinstance(like, tuple | list) else type(like).__name__
        told = f"config.{where} must be of type {kind}, not {plain(value)!r}"
        raise errors.UserError(told) from None


def conform(value: Any, like: Any) -> Any:
    """``value`` in the type of ``like``, item by item in a list; of any type if that is ``None``.

    Raises:
      TypeError: if it is of another type.
    """
    if like is None:
        return value
    if isinstance(like, tuple | list) and isinstance(value, tuple | list):
        item = like[0] if len({type(x) for x in like}) == 1 else None
        return type(like)(conform(x, item) for x in value)
    if isinstance(like, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    groups = isinstance(like, Mapping | ConfigDict) and isinstance(value, Mapping | ConfigDict)
    if type(value) is not type(like) and not groups:
        raise TypeError
    return value


def of_kind(where: str, value: Any, kind: Any) -> Any:
    """``value``, of the type that a field is annotated with.

    Raises:
      UserError: if it is of another type.
    """
    try:
        return fit_kind(value, kind)
    except TypeError:
        told = f"config.{where} must be of type {describe_kind(kind)}, not {plain(value)!r}"
        # A network or an optimizer that is given as its name alone.
        if isinstance(value, str) and typing.get_origin(kind) is collections.abc.Mapping:
            told += f"; did you mean {{'name': {value!r}}}?"
        raise errors.UserError(told) from None


def fit_kind(value: Any, kind: Any) -> Any:
    """``value`` in the type ``kind``; as it is where a config cannot hold that type.

    Raises:
      TypeError: if it is of another type.
    """
    origin, inner = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        for choice in inner:
            with contextlib.suppress(TypeError):
                return fit_kind(value, choice)
        raise TypeError
    if kind is None or kind is types.NoneType:
        if value is not None:
            raise TypeError
        return None
    if origin in (tuple, list, collections.abc.Sequence):
        if not isinstance(value, tuple | list):
            raise TypeError
        each = inner or (Any, ...)
        if origin is not tuple or each[-1] is ...:
            each = each[:1] * len(value)
        if len(each) != len(value):
            raise TypeError
        return tuple(map(fit_kind, value, each))
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (bool, int, float, str) and type(value) is not kind:
        raise TypeError
    group = origin in (dict, collections.abc.Mapping) or dataclasses.is_dataclass(kind)
    if group and not isinstance(value, Mapping | ConfigDict):
        raise TypeError
    return value


def describe_kind(kind: Any) -> str:
    """A type in a word."""
    origin = typing.get_origin(kind) or kind
    if origin in (tuple, list, collections.abc.Sequence):
        return "list of values"
    if origin in (dict, collections.abc.Mapping) or dataclasses.is_dataclass(kind):
        return "group"
    return kind.__name__ if isinstance(kind, type) else str(kind)
