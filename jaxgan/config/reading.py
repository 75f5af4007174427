"""The first stage: what an experiment's file returns."""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan.base import errors
from jaxgan.config import bases


def call_experiment(
    path: str, function: str, kind: Any = Mapping | ConfigDict, called: str = "a ConfigDict"
) -> Any:
    """What ``function`` of the experiment file ``path`` returns, a config unless told otherwise.

    Args:
      path: of the file.
      function: its name.
      kind: of what it must return.
      called: that kind, in an error.

    Raises:
      UserError: if there is no such file or function, with the error that it raised, or if it
        returns something else.
    """
    module = load_experiment(path)
    if not hasattr(module, function):
        raise errors.UserError(f"{path} has no {function}()")
    try:
        with bases.beside(Path(path)):
            found = getattr(module, function)()
    except (Exception, SystemExit) as error:  # whatever the experiment does
        raise errors.UserError(f"{path}: {function}(): {errors.describe(error)}") from error
    if not isinstance(found, kind):
        raise errors.UserError(
            f"{path}: {function}() must return {called}, not {type(found).__name__}"
        )
    return found


def load_experiment(path: str) -> Any:
    """The module in file ``path``, whose folder can be imported from, for a method beside it.

    Raises:
      UserError: if there is no such file, or with the error that it raised.
    """
    file = Path(path)
    if not file.is_file():
        folders = (Path("experiments"), file.parent)
        known = {p.stem: str(p) for folder in folders for p in sorted(folder.glob("*.py"))}
        near = errors.nearest(file.stem, known)
        hint = f"did you mean {known[near]}?" if near else "no such file"
        raise errors.UserError(f"unknown experiment {path!r}; {hint}")
    import_from(file.parent)
    spec = importlib.util.spec_from_file_location(f"experiment_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise errors.UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        with bases.beside(file):
            spec.loader.exec_module(module)
    except Exception as error:  # whatever the experiment does
        raise errors.UserError(f"{path}: {errors.describe(error)}") from error
    return module


def import_from(folder: Path) -> None:
    """Lets modules in ``folder`` be imported before any other, as those beside a script are."""
    here = str(folder.resolve())
    sys.path[:] = [here, *(each for each in sys.path if each != here)]
