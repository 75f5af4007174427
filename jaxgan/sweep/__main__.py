"""Sweeps: ``python -m jaxgan.sweep --config=experiments/NAME.py --workdir=DIR``.

Runs every arm of the experiment's ``get_sweep()`` with every seed; the same command goes on with
what has not finished. ``--summarize=DIR`` makes the table.
"""

# First of all, before JAX is loaded, so that a signal during start-up is not lost.
from jaxgan.base import preemption  # isort: skip

if __name__ == "__main__":
    preemption.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError

EXECUTORS = ("local", "slurm")


def run(arguments: Sequence[str] | None = None) -> int:
    """Parses the arguments and does what they ask.

    Returns:
      An exit code: 0 if all is well, 1 if a run failed, 75 if it was told to stop.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser().parse_known_args(arguments)
    check(flags, overrides)
    # Here and not above: `--help` or a typo should not wait for JAX.
    from jaxgan.run import run_folder
    from jaxgan.sweep import following, local, plan, slurm, summary, sweep_folder

    if flags.summarize is not None:
        folder, despite = Path(flags.summarize), flags.despite or ()
        terminal.show(summary.summarize(folder, flags.figures, flags.out, despite))
        return 0
    workdir = Path(flags.workdir)
    made = plan.make(flags.config, workdir, overrides, smoke=flags.smoke)
    terminal.show(plan.describe(made))
    if flags.dry_run:
        return 0
    most = flags.max_parallel
    executor: following.Executor = local.Local(most or 1)
    if flags.executor == "slurm":
        executor = slurm.open_slurm(workdir / "slurm", most, dict(flags.slurm))
    run_folder.create(workdir)
    with run_folder.locked(workdir):
        sweep_folder.claim(workdir, made.stored)
        return following.follow(made, executor)


def check(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Refuses flags that are missing, that there are not, or that would have no effect.

    Raises:
      UserError: naming the flag.
    """
    terminal.check_fields(flags, overrides)
    for place in filter(None, (flags.workdir, flags.out, flags.summarize)):
        files.check_local(place)
    if flags.summarize is not None:
        if flags.config or flags.workdir or overrides:
            raise UserError("--summarize=DIR stands alone, or with --figures, --despite and --out")
        return
    for name in ("figures", "despite", "out"):
        if getattr(flags, name):
            raise UserError(f"--{name} is for --summarize=DIR")
    if not flags.config:
        raise UserError("--config=experiments/NAME.py is missing: a file with get_sweep()")
    if not flags.workdir:
        raise UserError("--workdir=DIR is missing: the folder of the sweep")
    if flags.max_parallel < 0:
        raise UserError(f"--max_parallel must be at least 1, not {flags.max_parallel}")
    if flags.slurm and flags.executor != "slurm":
        raise UserError("--slurm is for --executor=slurm")


def parser() -> argparse.ArgumentParser:
    """The flags; whatever else stands on the command line must be ``--config.FIELD=VALUE``."""
    p = terminal.Parser(prog="python -m jaxgan.sweep", description=__doc__, allow_abbrev=False)
    p.add_argument("--config", help="the experiment file, with get_sweep()")
    p.add_argument("--workdir", help="the folder of the sweep; the same one goes on with it")
    p.add_argument("--executor", choices=EXECUTORS, default="local", help="where runs run")
    p.add_argument("--dry_run", action="store_true", help="print what would run, and exit")
    p.add_argument("--smoke", action="store_true", help="each run in its version of seconds")
    p.add_argument(
        "--max_parallel", type=int, default=0, help="runs at once (default: 1; SLURM: no limit)"
    )
    p.add_argument(
        "--slurm",
        action="append",
        type=parameter,
        default=[],
        metavar="NAME=VALUE",
        help="of submitit's SlurmExecutor: partition=gpu, time=60, gpus_per_node=1, ...",
    )
    p.add_argument("--summarize", metavar="DIR", help="the table of a sweep")
    p.add_argument("--figures", type=names, help="of the table: frechet,recall (default: all)")
    p.add_argument("--despite", type=names, help="fields of the protocol that may differ")
    p.add_argument("--out", help="where the table goes: a .md, .tex, .html or .csv")
    return p


def parameter(text: str) -> tuple[str, str]:
    """The value of ``--slurm``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"NAME=VALUE, not {text!r}")
    return name, value


def names(text: str) -> list[str]:
    """The value of ``--figures``."""
    return [part.strip() for part in text.split(",")]


if __name__ == "__main__":
    terminal.process(run)
