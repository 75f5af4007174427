"""The command line: ``python -m jaxgan.main --config=experiments/NAME.py --workdir=DIR``.

Flags to one call; the logic is in ``train``, ``sampling`` and ``config``, to be imported.
"""

# First of all, before JAX is loaded, so that a signal during start-up is not lost.
from jaxgan import preemption  # isort: skip

if __name__ == "__main__":
    preemption.install()

import argparse
import ast
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.errors import BAD_INPUT, UserError, nearest

MODES = ("train", "evaluate", "sample", "export")
# Flags that only some modes heed.
ONLY = {
    "dry_run": ("train",),
    "step": ("evaluate", "sample", "export"),
    "n": ("evaluate", "sample"),
    "seed": ("sample",),
    "out": ("sample", "export"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a mistake of the user's is one line."""
    quiet()
    try:
        return run(arguments)
    except UserError as error:
        print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
        return BAD_INPUT


def run(arguments: Sequence[str] | None) -> int:
    """Parses the arguments and does what they ask.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser().parse_known_args(arguments)
    check(flags, overrides)
    if flags.config is None and flags.mode == "train":
        print(listing())
        return 0
    # Here and not above: `--help`, a listing or a typo should not wait for JAX.
    import jax

    from jaxgan import config, export, files, parallel, plan, report, sampling, train

    jax.config.update("jax_compilation_cache_dir", str(files.cache("xla")))
    settings = config.load(flags.config, overrides, smoke=flags.smoke) if flags.config else None
    if flags.dry_run:
        print(plan.describe(settings))
        return 0
    if not flags.workdir:
        raise UserError("--workdir=DIR is missing: the folder of the run")
    workdir = Path(flags.workdir)
    n, seed = 64 if flags.n is None else flags.n, flags.seed or 0
    if flags.mode == "export" and not flags.out:
        raise UserError("--out=DIR is missing: the folder to export to")
    sampling.check_request(
        Path(flags.out) if flags.mode == "sample" and flags.out else None, n, seed
    )
    parallel.initialize()
    if flags.mode == "train":
        return train.train(settings, workdir, str(Path(flags.config).resolve()))
    if flags.mode == "evaluate":
        print(report.evaluate(workdir, flags.step, settings, flags.n))
        return 0
    model = sampling.load(workdir, report.one_step(workdir, flags.step), settings)
    if flags.mode == "export":
        export.export(model, workdir, Path(flags.out))
        print(flags.out)
        return 0
    out = Path(flags.out or workdir / "samples" / f"sample_{model.step:08}.png")
    sampling.write(model, out, n, seed)
    print(out)
    return 0


def check(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Refuses flags that there are not, or that would have no effect.

    Raises:
      UserError: naming the nearest flag.
    """
    for text in overrides:
        if text.startswith("--") and not text.startswith("--config."):
            flag = text.partition("=")[0]
            near = nearest(flag, [f"--{name}" for name in vars(flags)])
            hint = f"did you mean {near}? " if near else ""
            raise UserError(
                f"unknown flag {flag}; {hint}A field of the config is set by --config.FIELD=VALUE"
            )
    for name, modes in ONLY.items():
        value = getattr(flags, name)
        if value is not None and value is not False and flags.mode not in modes:
            hint = "; that of the run is --config.seed" if name == "seed" else ""
            allowed = " or ".join(f"--mode={mode}" for mode in modes)
            raise UserError(f"--{name} is for {allowed}, not --mode={flags.mode}{hint}")
    of_experiment = flags.config == "" or flags.smoke or flags.dry_run or overrides
    if not flags.config and (of_experiment or (flags.mode == "train" and flags.workdir)):
        raise UserError(
            "--config=experiments/NAME.py is missing; with no flag, the experiments are listed"
        )


def parser() -> argparse.ArgumentParser:
    """The flags; whatever else stands on the command line must be ``--config.FIELD=VALUE``."""
    p = Parser(prog="python -m jaxgan.main", description=__doc__, allow_abbrev=False)
    p.add_argument("--config", help="the experiment file; without one, they are listed")
    p.add_argument("--workdir", help="the folder of the run; the same one resumes it")
    p.add_argument("--mode", choices=MODES, default="train")
    p.add_argument("--smoke", action="store_true", help="the experiment's version of seconds")
    p.add_argument("--dry_run", action="store_true", help="print the config and the cost, and exit")
    p.add_argument(
        "--step", type=step, help="the checkpoint: a step, best or all (default: the newest)"
    )
    p.add_argument("--n", type=int, help="how many samples (default: 64, or evaluation.n)")
    p.add_argument("--seed", type=int, help="of the samples (default: 0)")
    p.add_argument("--out", help="where samples go, a .png grid or an .npz; or what to export to")
    return p


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Leaves the usage away: the message names the flag."""
        raise UserError(message)


def step(text: str) -> int | str:
    """The value of ``--step``."""
    if text in ("best", "all"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a step, best or all, not {text!r}") from None


def listing() -> str:
    """The experiments, with the first line of each one's docstring."""
    beside = Path(__file__).resolve().parent.parent / "experiments"
    folder = Path("experiments") if Path("experiments").is_dir() else beside
    lines = ["Experiments (python -m jaxgan.main --config=PATH --workdir=DIR):", ""]
    for path in sorted(folder.glob("*.py")):
        try:
            doc = ast.get_docstring(ast.parse(path.read_text())) or ""
        except (SyntaxError, ValueError) as error:
            doc = f"(cannot be read: {error})"
        lines.append(f"  {path}  {doc.splitlines()[0] if doc else ''}".rstrip())
    return "\n".join(lines)


def quiet() -> None:
    """Leaves to libraries no more than their warnings, and to Orbax and its event loop nothing.

    They log a failed write with its traceback, beside what is raised and told in one line.
    """
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
    sys.exit(main())
