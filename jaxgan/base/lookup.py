"""Finding a module by name: one of ours, or any that Python can import; and what a class takes."""

import dataclasses
import importlib
import os
import pkgutil
import types
import typing
from collections.abc import Collection
from typing import Any, NamedTuple

from jaxgan.base import errors


class Field(NamedTuple):
    """A field of a class that a config may set.

    Attributes:
      kind: its type, as annotated.
      default: ``dataclasses.MISSING`` where there is none.
    """

    kind: Any
    default: Any


def hints(cls: Any) -> dict[str, Any]:
    """The types that a dataclass's fields are annotated with.

    Where a name among them is not there as the program runs (it was imported for a type checker
    alone), annotations that are text stand for any type.
    """
    try:
        return typing.get_type_hints(cls)
    except NameError:
        fields = dataclasses.fields(cls)
        return {field.name: Any if isinstance(field.type, str) else field.type for field in fields}


def submodules(package: types.ModuleType) -> list[str]:
    """The names of the modules in ``package``."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__))


def quiet_tensorflow() -> None:
    """Has TensorFlow, which is imported next, say no more than its warnings, as JAX does.

    Whoever has set ``TF_CPP_MIN_LOG_LEVEL=0`` is told everything.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1") != "0":
        # It tells of oneDNN whatever the level is; we compute nothing with either.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def load_module(
    package: types.ModuleType, kind: str, name: str, known: Collection[str]
) -> types.ModuleType:
    """Module ``name`` of ``package``, one of ``known``, or else the importable module of that name.

    Raises:
      UserError: naming the nearest known ``kind`` if there is neither, or the module's own error
        if it cannot be imported.
    """
    module = find_module(kind, f"{package.__name__}.{name}" if name in known else name)
    if module is None:
        raise missing(kind, str(name), str(name), known)
    return module


def load_object(kind: str, name: str, cls: type | tuple[type, ...], known: Collection[str]) -> Any:
    """What somebody else's dotted name stands for.

    Args:
      kind: what to call it.
      name: ``'package.module.object'``, or ``'package.module'`` with exactly one such object that
        is its own.
      cls: of the object.
      known: names that are ours, for whoever meant one of them.

    Raises:
      UserError: naming the nearest known ``kind`` if there is no such module, or what it has.
    """
    if (module := find_module(kind, name)) is not None:
        found = {key: value for key, value in vars(module).items() if own(module, value, cls)}
        if len(found) != 1:
            told = f": {', '.join(found)}" if found else ""
            raise errors.UserError(f"{name!r} must define one {kind}, found {len(found)}{told}")
        return next(iter(found.values()))
    parent, _, last = name.rpartition(".")
    module = find_module(kind, parent) if parent else None
    if module is None:
        raise missing(kind, name, parent, known)
    if last not in vars(module):
        there = [key for key, value in vars(module).items() if isinstance(value, cls)]
        near = errors.nearest(last, there)
        hint = f"; did you mean {near!r}?" if near else f"; it has: {', '.join(there) or 'none'}"
        raise errors.UserError(f"{parent!r} has no {kind} {last!r}{hint}")
    value = vars(module)[last]
    if not isinstance(value, cls):
        wanted = " or ".join(t.__name__ for t in (cls if isinstance(cls, tuple) else (cls,)))
        raise errors.UserError(
            f"{name!r} is no {kind}: it must be of type {wanted!r}, not {type(value).__name__!r}"
        )
    return value


def missing(kind: str, name: str, module: str, known: Collection[str]) -> errors.UserError:
    """The error for a name that is not ours, and whose ``module`` cannot be found."""
    if not module or errors.nearest(name, known):
        return errors.unknown(kind, name, known)
    return errors.UserError(
        f"{errors.unknown(kind, name, known)}; there is no module {module!r} beside the "
        "experiment, nor installed"
    )


def own(module: types.ModuleType, value: Any, cls: type | tuple[type, ...]) -> bool:
    """Whether a value is of this type, and not a function that the module has imported."""
    return isinstance(value, cls) and getattr(value, "__module__", None) in (
        module.__name__,
        type(value).__module__,
    )


def find_module(kind: str, name: str) -> types.ModuleType | None:
    """The module of that name, or ``None`` if there is none.

    Raises:
      UserError: if it, or what it imports in turn, cannot be imported.
      Exception: any other that its code raises, with a sentence that names the module.
    """
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only the module itself or a parent of it: what it imports in turn is another matter.
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            return None
        reason: Exception = error
    except (ImportError, SyntaxError) as error:
        reason = error
    except Exception as error:
        error.add_note(f"This was raised while importing {kind} {name!r}.")
        raise
    told = errors.describe(reason)
    raise errors.UserError(f"{kind} {name!r} cannot be imported: {told}") from reason
