"""The one error a user may see: a mistake of theirs, told in one line."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's and what to do about it, in one line, shown without a traceback."""


def unknown(kind: str, name: str, choices: Iterable[str]) -> UserError:
    """The error for a name that is not one of ``choices``, naming the nearest one."""
    known = sorted(choices)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return UserError(f"unknown {kind} {name!r}; {hint}")
