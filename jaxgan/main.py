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
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxgan.errors import UserError

BAD_INPUT = 2
MODES = ("train", "evaluate", "sample")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a mistake of the user's is one line."""
    quiet()
    try:
        return run(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT


def run(arguments: Sequence[str] | None) -> int:
    """Parses the arguments and does what they ask.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser().parse_known_args(arguments)
    if not flags.config and flags.mode == "train":
        print(listing())
        return 0
    # Here and not above: `--help`, a listing or a typo should not wait for JAX.
    import jax

    from jaxgan import config, parallel, plan, sampling, train

    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxgan" / "xla"
    jax.config.update("jax_compilation_cache_dir", str(cache))
    settings = config.load(flags.config, overrides, smoke=flags.smoke) if flags.config else None
    if not flags.workdir and not flags.dry_run:
        raise UserError("--workdir=DIR is missing: the folder of the run")
    if flags.dry_run:
        print(plan.describe(settings))
        return 0
    parallel.initialize()
    if flags.mode == "train":
        return train.train(settings, Path(flags.workdir), str(Path(flags.config).resolve()))
    model = sampling.load(flags.workdir, flags.step)
    if flags.mode == "evaluate":
        print(sampling.evaluate(model, Path(flags.workdir)))
        return 0
    out = Path(flags.out or Path(flags.workdir) / "samples" / f"sample_{model.step:08}.png")
    sampling.write(model, out, flags.n, flags.seed)
    print(out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The flags; whatever else stands on the command line must be ``--config.FIELD=VALUE``."""
    p = Parser(prog="python -m jaxgan.main", description=__doc__, allow_abbrev=False)
    p.add_argument("--config", help="the experiment file; without one, they are listed")
    p.add_argument("--workdir", help="the folder of the run; the same one resumes it")
    p.add_argument("--mode", choices=MODES, default="train")
    p.add_argument("--smoke", action="store_true", help="the experiment's version of seconds")
    p.add_argument("--dry_run", action="store_true", help="print the config and the cost, and exit")
    p.add_argument("--step", type=int, help="the checkpoint to take (default: the newest)")
    p.add_argument("--n", type=int, default=64, help="how many samples")
    p.add_argument("--seed", type=int, default=0, help="of the samples")
    p.add_argument("--out", help="where the samples go: a .png grid or an .npz")
    return p


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Leaves the usage away: the message names the flag."""
        raise UserError(message)


def listing() -> str:
    """The experiments, with the first line of each one's docstring."""
    beside = Path(__file__).resolve().parent.parent / "experiments"
    folder = Path("experiments") if Path("experiments").is_dir() else beside
    lines = ["Experiments (python -m jaxgan.main --config=PATH --workdir=DIR):", ""]
    for path in sorted(folder.glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text())) or ""
        lines.append(f"  {path}  {doc.splitlines()[0] if doc else ''}")
    return "\n".join(lines)


def quiet() -> None:
    """Leaves to libraries the warnings only: their progress is not the user's business."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for name in ("absl", "orbax", "jax"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
