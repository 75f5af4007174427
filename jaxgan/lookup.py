"""Finding a module by name: one of ours, or any that Python can import; and what a class takes."""

import dataclasses
import importlib
import pkgutil
import types
import typing
from typing import Any, NamedTuple

from jaxgan import errors


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


def load_module(package: types.ModuleType, kind: str, name: str) -> types.ModuleType:
    """Module ``name`` of ``package``, or else the importable module of that name.

    Raises:
      UserError: naming the nearest known ``kind`` if there is neither, or the module's own error
        if it cannot be imported.
    """
    if not isinstance(name, str) or not name:
        raise errors.unknown(kind, str(name), submodules(package))
    full = f"{package.__name__}.{name}" if name in submodules(package) else name
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        # Only the module itself or a parent of it: what it imports in turn is another matter.
        if error.name and (full == error.name or full.startswith(error.name + ".")):
            raise errors.unknown(kind, name, submodules(package)) from None
        reason: Exception = error
    except Exception as error:  # whatever the module does
        reason = error
    told = errors.told(reason)
    raise errors.UserError(f"{kind} {name!r} cannot be imported: {told}") from reason
