"""What every command line of the package does: flags, answers and mistakes in one line."""

import argparse
import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from jaxgan.base import files
from jaxgan.base.errors import BAD_INPUT, UserError, nearest

# What the system says of a disk, wherever it is met: no defect of ours.
OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)


def answer(
    run: Callable[[Sequence[str] | None], int], arguments: Sequence[str] | None = None
) -> int:
    """Runs a command line and returns its exit code; a mistake of the user's is one line."""
    quiet()
    try:
        return run(arguments)
    except (UserError, OSError) as error:
        told = line(error)
        if told is None:
            raise
        print("error:", told, file=sys.stderr)
        return error.code if isinstance(error, UserError) else BAD_INPUT


def line(error: BaseException) -> str | None:
    """What there is to say of a mistake of the user's, or of a disk; of anything else nothing."""
    told = None
    if isinstance(error, UserError):
        told = str(error)
    elif isinstance(error, OSError) and error.errno in OF_A_DISK:
        told = f"{error.strerror}: {error.filename or 'a file'}"
    return told and " ".join(told.splitlines())


def process(run: Callable[[Sequence[str] | None], int]) -> None:
    """Is the whole of a process that answers its command line, and ends it."""
    sys.unraisablehook = without_closed_loops
    end(answer(run))


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Leaves the usage away: the message names the flag."""
        raise UserError(message)


def check_fields(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Refuses what is left over of a command line and sets no field.

    Raises:
      UserError: naming the nearest flag.
    """
    for before, text in zip(["", *overrides], overrides, strict=False):
        if not text.startswith("--") and not before.startswith("--config."):
            raise UserError(f"unknown argument {text!r}; values have no spaces, or stand in quotes")
        if text.startswith("--") and not text.startswith("--config."):
            flag = text.partition("=")[0]
            near = nearest(flag, [f"--{name}" for name in vars(flags)])
            hint = f"did you mean {near}? " if near else ""
            raise UserError(
                f"unknown flag {flag}; {hint}A field of the config is set by --config.FIELD=VALUE"
            )


def show(text: Any) -> None:
    """Prints what was asked for.

    Raises:
      WriteError: if it goes to a file on a full disk, or to nobody.
    """
    with files.writing("standard output"):
        print(text, flush=True)


def in_notebook() -> bool:
    """Whether this is the Python behind a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


def progress(*, quiet: bool = False, **given: Any) -> Any:
    """A bar of tqdm where somebody watches: on standard error, or in a notebook.

    Args:
      quiet: whether nothing is to be seen in any case.
      **given: to tqdm.
    """
    # Not at the top, which every command line would wait for.
    from tqdm import TqdmWarning, tqdm

    if not in_notebook():
        return tqdm(disable=quiet or None, **given)  # None: if it is no terminal
    with warnings.catch_warnings():
        # Without ipywidgets it is the bar of a terminal.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm as widget
    return widget(disable=quiet, **given)


def end(code: int) -> None:
    """Ends the process with this code, also where standard output takes no more."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        # Python would try again, and end with another code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def quiet() -> None:
    """Leaves to libraries no more than their warnings, and to Orbax and its event loop nothing.

    They log a failed write with its traceback, beside what is raised and told in one line.
    """
    for stream in (sys.stdout, sys.stderr):
        # A letter that the terminal has not, in the name of a folder, is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("jax").setLevel(logging.ERROR)
    for name in ("absl", "orbax", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def without_closed_loops(unraisable: Any) -> None:
    """Drops what the other arrays of a failed write tell Orbax, which no longer listens."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)
