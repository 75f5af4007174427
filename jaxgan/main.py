"""The command line: ``python -m jaxgan.main --config=experiments/NAME.py --workdir=DIR``.

Flags to one call; the logic is in ``train``, ``sampling`` and ``config``, to be imported.
"""

# First of all, before JAX is loaded, so that a signal during start-up is not lost.
from jaxgan.base import preemption  # isort: skip

if __name__ == "__main__":
    preemption.install()

import argparse
import ast
import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError
from jaxgan.run import chips
from jaxgan.run.flags import check, parser

# What several processes may do together.
TOGETHER = ("train", "evaluate", "sample", "export")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a mistake of the user's is one line."""
    return terminal.answer(run, arguments)


def run(arguments: Sequence[str] | None) -> int:
    """Parses the arguments and does what they ask.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser(__doc__).parse_known_args(arguments)
    check(flags, overrides)
    if flags.config is None and flags.mode == "train":
        terminal.show(listing())
        return 0
    if flags.topology:
        os.environ.update(chips.ENVIRONMENT)
    with contextlib.ExitStack() as together:
        return act(flags, overrides, together)


def act(flags: argparse.Namespace, overrides: Sequence[str], together: contextlib.ExitStack) -> int:
    """Does what the flags ask, and returns the exit code.

    Args:
      flags: parsed.
      overrides: of the config.
      together: in which the other processes of a run are joined.

    Raises:
      UserError: for a mistake of the user's.
    """
    # Here and not above: `--help`, a listing or a typo should not wait for JAX.
    from jaxgan import config, train
    from jaxgan.base import processes
    from jaxgan.run import encoded, plan, topology

    keep_compiled()

    @functools.cache
    def join() -> None:
        together.enter_context(processes.joined())

    def describe(settings: Any) -> Any:
        if settings.latent and flags.mode in TOGETHER and not (flags.dry_run or flags.weights):
            # By JAX the autoencoder is read, and after its first use no others can be joined.
            join()
        return encoded.describe(settings)

    settings = None
    if flags.config:
        settings = config.load(flags.config, overrides, smoke=flags.smoke, describe=describe)
    if flags.dry_run:
        tpus = topology.find(flags.topology) if flags.topology else None
        terminal.show(plan.describe(settings))
        if tpus:
            with preemption.at_once():
                terminal.show(topology.describe(settings, tpus, quick=flags.quick))
        return 0
    if flags.mode == "train":
        if not flags.workdir:
            raise UserError("--workdir=DIR is missing: the folder of the run")
        join()
        return train.train(settings, Path(flags.workdir), str(Path(flags.config).resolve()))
    with preemption.at_once():  # no other mode has a state to save
        return answer(flags, settings, join)


def answer(flags: argparse.Namespace, settings: Any, join: Callable[[], None]) -> int:
    """Does what a mode other than training asks, and says what there is to say.

    Args:
      flags: parsed.
      settings: the config, or ``None``.
      join: joins the other processes of a run.

    Raises:
      UserError: for a mistake of the user's.
    """
    from jaxgan.run import export, judge, published, trained, translated_files, written

    if flags.mode == "translate":
        terminal.show(translated_files.answer(flags, settings))
        return 0
    if flags.mode == "project":
        from jaxgan.latent import projected_files

        terminal.show(projected_files.answer(flags, settings))
        return 0
    if flags.mode in ("interpolate", "explore"):
        from jaxgan.latent import exploring, walking

        tool = walking if flags.mode == "interpolate" else exploring
        terminal.show(tool.answer(flags, settings))
        return 0
    if flags.weights is not None:
        terminal.show(published.answer(flags, settings))
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
    join()
    if flags.mode == "evaluate":
        terminal.show(judge.evaluate(workdir, flags.step, settings, flags.n))
        return 0
    model = trained.load(workdir, judge.one_step(workdir, flags.step), settings)
    if flags.mode == "export":
        export.export(model, workdir, Path(flags.out))
        terminal.show(flags.out)
        return 0
    out = Path(flags.out or workdir / "samples" / f"sample_{model.step:08}.png")
    written.write(model, out, n, seed, flags.labels)
    terminal.show(out)
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


if __name__ == "__main__":
    terminal.process(run)
