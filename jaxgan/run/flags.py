"""The flags of the command line, and which of them go together."""

import argparse
from collections.abc import Sequence

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError
from jaxgan.run import chips

MODES = (
    *("train", "evaluate", "sample", "translate"),
    *("interpolate", "explore", "project", "export", "convert"),
)
# Those of ``jaxgan.latent`` that draw latents.
LATENT = ("interpolate", "explore")
# Flags that only some modes heed.
ONLY = {
    "dry_run": ("train",),
    "topology": ("train",),
    "quick": ("train",),
    "step": ("evaluate", "sample", "translate", "export", "project", *LATENT),
    "n": ("evaluate", "sample", *LATENT),
    "seed": ("sample", "project", *LATENT),
    "labels": ("sample", "project", *LATENT),
    "target": ("project",),
    "projection": ("project",),
    "in": ("translate",),
    "bad_images": ("translate",),
    "out": ("evaluate", "sample", "translate", "project", "export", "convert", *LATENT),
    "weights": ("evaluate", "sample", "translate", "project", "convert", *LATENT),
    "truncation": ("evaluate", "sample", "interpolate"),
    "guidance": ("evaluate", "sample"),
    "points": ("interpolate",),
    "latents": ("interpolate",),
    "way": ("interpolate",),
    "loop": ("interpolate",),
    "hold": ("interpolate",),
    "space": LATENT,
    "what": ("explore",),
    "by": ("explore",),
    "values": ("explore",),
}


def check(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Refuses flags that there are not, or that would have no effect.

    Raises:
      UserError: naming the nearest flag.
    """
    terminal.check_fields(flags, overrides)
    for name, modes in ONLY.items():
        value = getattr(flags, name)
        if value is not None and value is not False and flags.mode not in modes:
            hint = "; that of the run is --config.seed" if name == "seed" else ""
            allowed = " or ".join(f"--mode={mode}" for mode in modes)
            raise UserError(f"--{name} is for {allowed}, not --mode={flags.mode}{hint}")
    for place in filter(None, (flags.workdir, flags.out)):
        files.check_local(place)
    check_weights(flags)
    if flags.topology is not None:
        if not flags.dry_run:
            raise UserError("--topology is for --dry_run: a step is compiled for it, on paper")
        chips.find(flags.topology)
    elif flags.quick:
        raise UserError("--quick is for --topology: how a step is compiled for it")
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
        for name in ("truncation", "guidance"):
            if getattr(flags, name) is not None and flags.mode != "interpolate":
                raise UserError(f"--{name} is of published weights: it needs --weights=PATH")
        return
    for name in (
        "workdir",
        "step",
        *(() if flags.mode in ("evaluate", "explore") else ("config",)),
    ):
        if getattr(flags, name) is not None:
            raise UserError(f"--{name} does not go with --weights in --mode={flags.mode}")
    if flags.mode == "evaluate" and not flags.config:
        raise UserError("--config=experiments/NAME.py is missing: the data to evaluate on")
    if flags.mode != "evaluate" and not flags.out:
        raise UserError("--out=FILE is missing: where to write")


def parser(about: str | None = None) -> argparse.ArgumentParser:
    """The flags; whatever else stands on the command line must be ``--config.FIELD=VALUE``."""
    p = terminal.Parser(prog="python -m jaxgan.main", description=about, allow_abbrev=False)
    p.add_argument("--config", help="the experiment file; without one, they are listed")
    p.add_argument("--workdir", help="the folder of the run; the same one resumes it")
    p.add_argument("--mode", choices=MODES, default="train")
    p.add_argument("--smoke", action="store_true", help="the experiment's version of seconds")
    p.add_argument("--dry_run", action="store_true", help="print the config and the cost, and exit")
    paper = (
        "of --dry_run: compile a step for this TPU slice, such as v5e:2x4, and tell what it needs"
    )
    quick = "of --topology: compile with the least trouble; the memory is then another than a run's"
    p.add_argument("--topology", help=paper)
    p.add_argument("--quick", action="store_true", help=quick)
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
    scale = "of samples of --weights of GAT: how far from the mean of all classes (default: 1)"
    p.add_argument("--guidance", type=float, help=scale)
    p.add_argument("--target", help="images to find latents of: a file, or a folder and all below")
    p.add_argument("--projection", help="how: FIELD=VALUE,... such as steps=800,restarts=16")
    p.add_argument("--in", help="images to translate: a file, or a folder and all below it")
    bad = "whether an image that cannot be read ends --mode=translate (default), or is left out"
    p.add_argument("--bad_images", choices=("error", "skip"), help=bad)
    add_latent(p)
    p.add_argument(
        "--out",
        help="where samples go, a .png grid or an .npz; the folder of translations or "
        "projections; to export or convert to; a .json of what --weights are worth",
    )
    return p


def add_latent(p: argparse.ArgumentParser) -> None:
    """Adds the flags of ``--mode=interpolate`` and ``--mode=explore``."""
    p.add_argument("--points", type=int, help="how many latents the way goes through (default: 4)")
    p.add_argument("--latents", help="these, given: a .npy, or a .npz with z, latents or w")
    p.add_argument("--way", choices=("slerp", "lerp"), help="on the sphere, or straight")
    p.add_argument("--space", choices=("z", "w"), help="of the way, or of path lengths")
    p.add_argument("--loop", action="store_true", help="the way leads back to its first point")
    p.add_argument("--hold", action="store_true", help="one latent throughout: the class moves")
    p.add_argument("--what", help="of --mode=explore: the tool; without one, they are listed")
    p.add_argument("--by", choices=("pixels", "features"), help="what images are compared by")
    p.add_argument("--values", type=numbers, help="of a sweep: 0,0.5,1")


def numbers(text: str) -> tuple[float, ...]:
    """The value of ``--values``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"numbers, such as 0,0.5,1, not {text!r}") from None


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
