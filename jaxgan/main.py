"""The command line: ``python -m jaxgan.main --config=experiments/NAME.py --workdir=DIR``.

Flags to one call; the logic is in ``train``, ``sampling`` and ``config``, to be imported.
"""

# First of all, before JAX is loaded, so that a signal during start-up is not lost.
from jaxgan.base import preemption  # isort: skip

if __name__ == "__main__":
    preemption.install()

import argparse
import ast
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError, nearest

MODES = ("train", "evaluate", "sample", "translate", "export", "convert")
# Flags that only some modes heed.
ONLY = {
    "dry_run": ("train",),
    "step": ("evaluate", "sample", "translate", "export"),
    "n": ("evaluate", "sample"),
    "seed": ("sample",),
    "labels": ("sample",),
    "in": ("translate",),
    "bad_images": ("translate",),
    "out": ("evaluate", "sample", "translate", "export", "convert"),
    "weights": ("evaluate", "sample", "translate", "convert"),
    "truncation": ("evaluate", "sample"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a mistake of the user's is one line."""
    return terminal.answer(run, arguments)


def run(arguments: Sequence[str] | None) -> int:
    """Parses the arguments and does what they ask.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser().parse_known_args(arguments)
    check(flags, overrides)
    if flags.config is None and flags.mode == "train":
        terminal.show(listing())
        return 0
    # Here and not above: `--help`, a listing or a typo should not wait for JAX.
    from jaxgan import config, train
    from jaxgan.base import processes
    from jaxgan.run import export, judge, plan, published, trained, translated_files, written

    keep_compiled()
    settings = config.load(flags.config, overrides, smoke=flags.smoke) if flags.config else None
    if flags.dry_run:
        terminal.show(plan.describe(settings))
        return 0
    if flags.mode == "translate":
        terminal.show(translated_files.answer(flags, settings))
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
    processes.initialize()
    if flags.mode == "train":
        return train.train(settings, workdir, str(Path(flags.config).resolve()))
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
    for place in filter(None, (flags.workdir, flags.out)):
        files.check_local(place)
    check_weights(flags)
    of_experiment = flags.config == "" or flags.smoke or flags.dry_run or overrides
    if not flags.config and (of_experiment or (flags.mode == "train" and flags.workdir)):
        raise UserError(
            "--config=experiments/NAME.py is missing; with no flag, the experiments are listed"
        )


def check_weights(flags: argparse.Namespace) -> None:
    """Refuses flags that do not go with ``--weights``, or without.

    Raises:
      UserError: naming the flag.
    """
    if flags.weights is None:
        if flags.mode == "convert":
            raise UserError("--weights=PATH is missing: the published file to convert")
        if flags.mode == "evaluate" and flags.out is not None:
            raise UserError("--out is for --mode=evaluate of --weights; a run's folder has its own")
        if flags.truncation is not None:
            raise UserError("--truncation is of published weights: it needs --weights=PATH")
        return
    for name in ("workdir", "step", *(() if flags.mode == "evaluate" else ("config",))):
        if getattr(flags, name) is not None:
            raise UserError(f"--{name} does not go with --weights in --mode={flags.mode}")
    if flags.mode == "evaluate" and not flags.config:
        raise UserError("--config=experiments/NAME.py is missing: the data to evaluate on")
    if flags.mode != "evaluate" and not flags.out:
        raise UserError("--out=FILE is missing: where to write")


def parser() -> argparse.ArgumentParser:
    """The flags; whatever else stands on the command line must be ``--config.FIELD=VALUE``."""
    p = terminal.Parser(prog="python -m jaxgan.main", description=__doc__, allow_abbrev=False)
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
    p.add_argument(
        "--labels",
        type=labels,
        help="numbers or names of classes, gone through in turn: 3 or 0,1,2 or cat,dog",
    )
    p.add_argument("--weights", help="a published weights file, or a folder of one")
    p.add_argument("--truncation", type=float, help="psi, of samples of --weights (default: 1)")
    p.add_argument("--in", help="images to translate: a file, or a folder and all below it")
    bad = "whether an image that cannot be read ends --mode=translate (default), or is left out"
    p.add_argument("--bad_images", choices=("error", "skip"), help=bad)
    p.add_argument(
        "--out",
        help="where samples go, a .png grid or an .npz; the folder of translations; to export or "
        "convert to; a .json of what --weights are worth",
    )
    return p


def step(text: str) -> int | str:
    """The value of ``--step``."""
    if text in ("best", "all"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a step, best or all, not {text!r}") from None


def labels(text: str) -> list[int] | list[str]:
    """The value of ``--labels``: numbers where all are, else names."""
    parts = [part.strip() for part in text.split(",")]
    try:
        return [int(part) for part in parts]
    except ValueError:
        return parts


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
