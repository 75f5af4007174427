"""Which ``bases`` an experiment imports: those of its own folder, or else the repository's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent / "experiments"


@contextmanager
def beside(experiment: Path) -> Iterator[None]:
    """Inside, ``import bases`` is that of the experiment's folder, whatever was imported before.

    Python keeps one module of a name. So another experiment's are put aside, and come back after.
    """
    folders = [str(experiment.parent.resolve()), str(REPOSITORY)]

    def find(name: str, path: Any = None, target: Any = None) -> Any:
        # One folder at a time: together, a folder without __init__.py would come last.
        found = (PathFinder.find_spec(name, [folder]) for folder in folders if name == "bases")
        return next(filter(None, found), None)

    finder: Any = SimpleNamespace(find_spec=find)
    before = forget()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        forget()
        sys.modules.update(before)


def forget() -> dict[str, Any]:
    """Takes ``bases`` and what is in it out of the modules that Python keeps."""
    names = [name for name in sys.modules if name.partition(".")[0] == "bases"]
    return {name: sys.modules.pop(name) for name in names}
