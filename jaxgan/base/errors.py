"""The one error a user may see: a mistake of theirs, told in one line.

A mistake in the code of a method or a network is another matter: it keeps its traceback.
"""

import difflib
import dis
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The exit codes of a process that it ends, that another process of its run has ended ("service
# unavailable" in sysexits.h), and of one with a traceback.
BAD_INPUT, LOST, DEFECT = 2, 69, 1
# Whatever lies in here is not the user's own code.
LIBRARIES = [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
OURS = str(Path(__file__).parent.parent)
ELSEWHERE = (OURS, *LIBRARIES, "<")
RAISE = dis.opmap["RAISE_VARARGS"]


class UserError(Exception):
    """A mistake of the user's and what to do about it, in one line, shown without a traceback."""

    code = BAD_INPUT


class LostError(UserError):
    """Another process of the same run that is gone, or late: no mistake in what was asked for."""

    code = LOST


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


def describe(error: BaseException) -> str:
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


@contextmanager
def stage(doing: str, what: str) -> Iterator[None]:
    """A context in which somebody's own code runs, a method's or a network's.

    Args:
      doing: what for, such as ``'tracing the step of'``.
      what: whose code it is, such as ``"method 'gan'"``.

    Raises:
      UserError: in one line, where that code refuses a value.
      Exception: any other as it is, its traceback too, with a sentence that names the stage.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if refuses(error):
            raise UserError(f"{what}: {describe(error)}") from error
        error.add_note(f"This was raised while {doing} {what}.")
        raise


def refuses(error: BaseException) -> bool:
    """Whether it is a ValueError that the code outside of libraries raised by a ``raise``."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if not isinstance(error, ValueError) or frame is None:
        return False
    code = frame.tb_frame.f_code
    own = code.co_filename.startswith(OURS) or not code.co_filename.startswith((*LIBRARIES, "<"))
    return own and code.co_code[frame.tb_lasti] == RAISE
