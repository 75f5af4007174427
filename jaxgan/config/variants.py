"""Variants by name: the class, the fields it may be set by, and the method that it builds."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

from jaxgan import methods
from jaxgan.base import errors
from jaxgan.base.lookup import Field, hints, load_module, submodules
from jaxgan.base.method import Method

# Fields that a run gives a method, and no `config.method`: with what they are unless the run says
# otherwise, and what in a config does.
GIVEN: dict[str, tuple[Any, str]] = {
    "axis_name": (None, "parallel.mode='pmap'"),
    "precision": ("float32", "precision='bfloat16'"),
    "accumulate": (1, "accumulate"),
    "rematerialize": (False, "rematerialize=True"),
}


def names() -> list[str]:
    """The names of the variants that come with the package."""
    return submodules(methods)


def find(name: str) -> type:
    """The variant called ``name``: a frozen dataclass with ``build() -> Method``.

    Args:
      name: a file in ``jaxgan/methods`` (``'gan'``), or any importable module that holds exactly
        one variant (``'mypackage.mymethod'``).

    Raises:
      UserError: if there is no such module, or it does not hold exactly one variant.
    """
    return only_variant(load_module(methods, "method", name, names()))


def only_variant(module: types.ModuleType) -> type:
    """The one variant defined in ``module``."""
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type)
        and c.__module__ == module.__name__
        and dataclasses.is_dataclass(c)
        and callable(getattr(c, "build", None))
    ]
    if len(found) != 1:
        told = f": {', '.join(c.__name__ for c in found)}" if found else ""
        raise errors.UserError(
            f"module {module.__name__!r} must define one method (a dataclass with build), found "
            f"{len(found)}{told}"
        )
    return found[0]


def fields(cls: Any) -> dict[str, Field]:
    """The fields of a dataclass by name; those of a part that is laid flat stand among them."""
    found, kinds = {}, hints(cls)
    for field in dataclasses.fields(cls):
        kind = kinds[field.name]
        if "flat" in field.metadata:
            own = field.metadata["flat"]
            for name, (inner, default) in fields(kind).items():
                found[name] = Field(inner, own.get(name, default))
        elif field.init and field.name not in GIVEN and "of_run" not in field.metadata:
            default = field.default
            if field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            found[field.name] = Field(kind, default)
    return found


def build(name: str, values: Mapping[str, Any], **given: Any) -> Method:
    """The method of variant ``name`` with these values of its fields, see ``made``.

    Args:
      name: see ``find``.
      values: of the fields that a config sets.
      **given: what the run gives it, see ``GIVEN``, and ``method.of_run`` where it asks for more.

    Raises:
      UserError: for a field that it has not, one that is missing, or what it is given and has no
        field for: it would run otherwise than the config says.
    """
    cls = find(name)
    for key, (usual, where) in GIVEN.items():
        if given.get(key, usual) != usual and not takes(cls, key):
            raise errors.UserError(
                f"method {name!r} has no field {key!r}, which config.{where} needs"
            )
    for key, field in fields(cls).items():
        if field.default is dataclasses.MISSING and key not in values:
            raise errors.UserError(f"method {name!r} needs config.method.{key}")
    method = made(cls, values, **given).build()
    if not isinstance(method, Method):
        raise TypeError(
            f"{cls.__name__}.build() must return a jaxgan.base.method.Method, and returned "
            f"{type(method).__name__}"
        )
    return method


def takes(cls: Any, name: str) -> bool:
    """Whether a dataclass, or a part that is laid flat in it, has a field of that name."""
    kinds = hints(cls)
    return any(
        field.name == name or ("flat" in field.metadata and takes(kinds[field.name], name))
        for field in dataclasses.fields(cls)
    )


def made(cls: type, values: Mapping[str, Any], **run: Any) -> Any:
    """The dataclass of flat values, its parts made likewise; ``run`` is what the run gives them.

    Raises:
      UserError: for a field that it, or a part, has not.
    """
    for key in set(values) - set(fields(cls)):
        raise errors.unknown(f"field of {cls.__name__}", key, fields(cls))
    given, kinds = {}, hints(cls)
    for field in dataclasses.fields(cls):
        kind = kinds[field.name]
        if "flat" in field.metadata:
            own = {k: v for k, v in field.metadata["flat"].items() if k not in values}
            inner = {k: v for k, v in values.items() if k in fields(kind)}
            given[field.name] = made(kind, {**own, **inner}, **run)
        elif field.name in GIVEN:
            if field.name in run:
                given[field.name] = run[field.name]
        elif "of_run" in field.metadata:
            if field.metadata["of_run"] in run:
                given[field.name] = run[field.metadata["of_run"]]
        elif field.name in values:
            value = values[field.name]
            group = dataclasses.is_dataclass(kind) and isinstance(value, Mapping)
            given[field.name] = made(kind, value, **run) if group else value
    return cls(**given)
