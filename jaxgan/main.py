"""The command line: ``python -m jaxgan.main --config=experiments/NAME.py --workdir=DIR``.

Flags to one call; the logic is in ``train``, ``sampling`` and ``config``, to be imported.
"""

# First of all, before JAX is loaded, so that a signal during start-up is not lost.
from jaxgan.base import preemption  # isort: skip

if __name__ == "__main__":
    preemption.install()

import ast
import errno
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.errors import BAD_INPUT, UserError
from jaxgan.run import chips
from jaxgan.run.flags import check, parser

# What the system says of a disk, wherever it is met: no defect of ours.
OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a mistake of the user's is one line."""
    quiet()
    try:
        return run(arguments)
    except UserError as error:
        told = str(error)
    except OSError as error:
        if error.errno not in OF_A_DISK:
            raise
        told = f"{error.strerror}: {error.filename or 'a file'}"
    print("error:", " ".join(told.splitlines()), file=sys.stderr)
    return BAD_INPUT


def run(arguments: Sequence[str] | None) -> int:
    """Parses the arguments and does what they ask.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser(__doc__).parse_known_args(arguments)
    check(flags, overrides)
    if flags.config is None and flags.mode == "train":
        show(listing())
        return 0
    if flags.topology:
        os.environ.update(chips.ENVIRONMENT)
    # Here and not above: `--help`, a listing or a typo should not wait for JAX.
    from jaxgan import config, train
    from jaxgan.base import parallel
    from jaxgan.run import (
        export,
        judge,
        plan,
        published,
        topology,
        trained,
        translated_files,
        written,
    )

    keep_compiled()
    settings = config.load(flags.config, overrides, smoke=flags.smoke) if flags.config else None
    if flags.dry_run:
        tpus = topology.find(flags.topology) if flags.topology else None
        show(plan.describe(settings))
        if tpus:
            with preemption.at_once():
                show(topology.describe(settings, tpus))
        return 0
    if flags.mode == "translate":
        show(translated_files.answer(flags, settings))
        return 0
    if flags.weights is not None:
        show(published.answer(flags, settings))
        return 0
    if not flags.workdir:
        raise UserError("--workdir=DIR is missing: the folder of the run")
    workdir = Path(flags.workdir)
    n, seed = 64 if flags.n is None else flags.n, flags.seed or 0
    if flags.mode == "export" and not flags.out:
        raise UserError("--out=DIR is missing: the folder to export to")
    written.check_request(
        Path(flags.out) if flags.mode == "sample" and flags.out else None, n, seed
    )
    parallel.initialize()
    if flags.mode == "train":
        return train.train(settings, workdir, str(Path(flags.config).resolve()))
    if flags.mode == "evaluate":
        show(judge.evaluate(workdir, flags.step, settings, flags.n))
        return 0
    model = trained.load(workdir, judge.one_step(workdir, flags.step), settings)
    if flags.mode == "export":
        export.export(model, workdir, Path(flags.out))
        show(flags.out)
        return 0
    out = Path(flags.out or workdir / "samples" / f"sample_{model.step:08}.png")
    written.write(model, out, n, seed, flags.labels)
    show(out)
    return 0


def keep_compiled() -> None:
    """Has JAX keep what it compiles for the next run; where the user has said where wins."""
    import jax

    settings: Any = jax.config
    folder = files.cache("xla")
    if settings.jax_compilation_cache_dir is not None or folder is None:
        return
    # Of a place that is none, JAX would warn for each program.
    if os.path.isdir(folder) or not files.cannot_hold(folder):
        settings.update("jax_compilation_cache_dir", str(folder))


def listing() -> str:
    """The experiments, with the first line of each one's docstring."""
    beside = Path(__file__).resolve().parent.parent / "experiments"
    folder = Path("experiments") if Path("experiments").is_dir() else beside
    lines = ["Experiments (python -m jaxgan.main --config=PATH --workdir=DIR):", ""]
    found = sorted(folder.glob("*.py"))
    if not found:
        lines.append(
            "  none here: they are files of jaxgan's repository, in experiments/; go to a clone of "
            "it, or give the path of your own"
        )
    for path in found:
        try:
            doc = ast.get_docstring(ast.parse(path.read_bytes())) or ""
        except (OSError, SyntaxError, ValueError) as error:
            doc = f"(cannot be read: {error})"
        lines.append(f"  {path}  {doc.splitlines()[0] if doc else ''}".rstrip())
    return "\n".join(lines)


def show(text: Any) -> None:
    """Prints what was asked for.

    Raises:
      WriteError: if it goes to a file on a full disk, or to nobody.
    """
    with files.writing("standard output"):
        print(text, flush=True)


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


if __name__ == "__main__":
    sys.unraisablehook = without_closed_loops
    end(main())
