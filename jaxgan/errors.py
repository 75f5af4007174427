"""The one error a user may see: a mistake of theirs, told in one line."""

import difflib
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

# The exit code of a process that it ends.
BAD_INPUT = 2
# Whatever lies in here is not the user's own code.
LIBRARIES = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
ELSEWHERE = (str(Path(__file__).parent), *LIBRARIES, "<")


class UserError(Exception):
    """A mistake of the user's and what to do about it, in one line, shown without a traceback."""


def unknown(kind: str, name: str, choices: Iterable[str]) -> UserError:
    """The error for a name that is not one of ``choices``, naming the nearest one."""
    known = sorted(choices)
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
    return UserError(f"unknown {kind} {name!r}; {hint}")


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like ``name``, as a whole or by the last part of a dotted one."""

    def last(text: str) -> str:
        return text.rpartition(".")[2]

    known = sorted(choices, reverse=True)
    for part in (str, last):
        like = {part(choice).lower(): choice for choice in known}
        found = difflib.get_close_matches(part(name).lower(), like, n=1)
        if found:
            return like[found[0]]
    return None


def told(error: BaseException) -> str:
    """An error of somebody else's in one line, with the place in the user's own code it came from.

    The type is left away where its message stands for itself.
    """
    text = " ".join(str(error).split())
    if not text or not isinstance(error, ValueError | TypeError | ImportError | SyntaxError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(ELSEWHERE)]
    if own and not isinstance(error, SyntaxError):
        text += f" ({Path(own[-1].filename).name}, line {own[-1].lineno})"
    return text
