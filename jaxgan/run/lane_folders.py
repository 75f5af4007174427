"""Where the lanes of a run lie: a folder of a run's own for each, in the folder of all."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import errors
from jaxgan.run import run_folder


def place(workdir: Path, seed: int, arm: int | None = None) -> Path:
    """The folder of one seed of a run that trains several in one program, of one of its arms."""
    return (workdir if arm is None else workdir / f"arm_{arm}") / f"seed_{seed}"


def places(workdir: Path, stored: Mapping[str, Any]) -> list[Path]:
    """The folder of each lane of a run with this config: the folder itself, where there is one."""
    first, count = stored.get("seed", 0), stored.get("seeds", 1)
    arms: Sequence[int | None] = range(len(stored.get("arms", ()))) or (None,)
    if len(arms) * count == 1:
        return [workdir]
    return [place(workdir, seed, arm) for arm in arms for seed in range(first, first + count)]


def read(workdir: Path) -> list[Path]:
    """The folder of each lane of the run in ``workdir``, see ``places``.

    Raises:
      UserError: if it holds no run.
    """
    return places(workdir, run_folder.read_config(workdir))


def find(workdir: Path) -> tuple[int, int] | None:
    """Which lane this is the folder of, and of how many; ``None`` of a run by itself.

    Raises:
      UserError: if the folder holds no run, or several.
    """
    stored = run_folder.read_config(workdir)
    if (several := places(workdir, stored)) != [workdir]:
        what = "runs" if stored.get("arms") else "seeds"
        raise errors.UserError(
            f"{workdir} holds {len(several)} {what}; name the folder of one, such as {several[0]}"
        )
    found = stored.get(run_folder.LANE)
    return (found["index"], found["of"]) if found else None


def describe(workdir: Path, lane: Path, index: int, of: int) -> dict[str, Any]:
    """What ``config.json`` of a lane says of it, see ``run_folder.LANE``."""
    return {run_folder.LANE: {"index": index, "of": of, "run": os.path.relpath(workdir, lane)}}


def checkpoints(workdir: Path) -> Path:
    """Where the checkpoints of a run lie: those of a lane with the others'.

    Raises:
      UserError: see ``find``.
    """
    if find(workdir) is None:
        return workdir / run_folder.CHECKPOINTS
    of = run_folder.read_config(workdir)[run_folder.LANE]
    return Path(os.path.normpath(workdir / of.get("run", ".."))) / run_folder.CHECKPOINTS
