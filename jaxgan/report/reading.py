"""What the folders given hold: arms, each with the runs of its seeds."""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.base import errors, files
from jaxgan.evaluation import protocol
from jaxgan.evaluation.protocol import Result
from jaxgan.report import lines
from jaxgan.report.lines import Lines
from jaxgan.run import lane_folders, run_folder
from jaxgan.sweep import sweep_folder

# What makes seeds of runs that are else alike.
SEEDS = ("seed", "seeds", "arms")


class Found(NamedTuple):
    """The folder of a run: what it is called, and of which arm of a sweep it is, if of one."""

    name: str
    place: Path
    arm: str


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of one seed.

    Attributes:
      place: its folder.
      stored: what its ``config.json`` holds.
      lines: its log.
      results: of its evaluations, the earliest step first.
      remarks: what could not be read, in sentences.
    """

    place: Path
    stored: dict[str, Any]
    lines: Lines
    results: list[Result]
    remarks: list[str]

    @property
    def seed(self) -> int:
        """Its own."""
        return self.stored.get("seed", 0)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.stored.get("steps", 0)


@dataclasses.dataclass(frozen=True)
class Arm:
    """Runs that differ in their seed alone."""

    name: str
    runs: list[Run]

    @property
    def stored(self) -> dict[str, Any]:
        """What the ``config.json`` of its first run holds."""
        return self.runs[0].stored


def is_sweep(workdir: Path) -> bool:
    """Whether a folder holds a sweep."""
    return (workdir / sweep_folder.SWEEP).exists()


def read(workdirs: Sequence[Path]) -> list[Arm]:
    """The arms in these folders: of a run, of one with several seeds or arms, of a sweep.

    Runs of several folders that are alike but for their seed are one arm.

    Raises:
      UserError: if one of them holds neither.
    """
    labels = named(workdirs)
    arms: dict[tuple[str, str, int], list[tuple[str, Run]]] = {}
    for workdir, label in zip(workdirs, labels, strict=True):
        for found in expand(workdir, label, len(workdirs) > 1):
            run = read_run(found.place)
            # A copy of a run is not another seed of it.
            nth = 0
            while run.seed in [each.seed for _, each in arms.get((*key(found, run), nth), [])]:
                nth += 1
            arms.setdefault((*key(found, run), nth), []).append((found.name, run))
    return [Arm(joined([name for name, _ in of]), [run for _, run in of]) for of in arms.values()]


def expand(workdir: Path, label: str, several: bool) -> Iterator[Found]:
    """The folder of each run in one that was given.

    Raises:
      UserError: if there is none.
    """
    files.check_local(workdir)
    if is_sweep(workdir):
        stored = sweep_folder.read(workdir)
        begun = [
            Found(f"{label}: {arm}" if several else arm, place, f"{workdir}: {arm}")
            for arm, of in sweep_folder.places(workdir, stored).items()
            for place, _ in of.values()
            if (place / run_folder.CONFIG).exists()
        ]
        if not begun:
            raise errors.UserError(f"no run of the sweep in {workdir} has begun yet")
        yield from begun
        return
    within = sorted(path.parent for path in workdir.glob(f"*/{run_folder.CONFIG}"))
    if within and not (workdir / run_folder.CONFIG).exists():
        named = ", ".join(map(str, within[:3])) + (" ..." if len(within) > 3 else "")
        raise errors.UserError(f"{workdir} is no run, but holds {len(within)}; name them: {named}")
    stored = run_folder.read_config(workdir)
    places = lane_folders.places(workdir, stored)
    texts = [text for text in stored.get("arms", ()) for _ in range(stored.get("seeds", 1))]
    for i, place in enumerate(places):
        if place == workdir or (place / run_folder.CONFIG).exists():
            yield Found(f"{label}: {texts[i]}" if texts else label, place, "")
        elif i == 0:
            raise errors.UserError(f"no seed of the run in {workdir} has begun yet")


def key(found: Found, run: Run) -> tuple[str, str]:
    """What runs of one arm share."""
    if found.arm:
        return (found.arm, "")
    config = run_folder.of_config(run.stored)
    alike = {name: value for name, value in config.items() if name not in SEEDS}
    alike["experiment"] = Path(str(run.stored.get(run_folder.EXPERIMENT, ""))).name
    return ("", json.dumps(alike, sort_keys=True))


def read_run(place: Path) -> Run:
    """The run in a folder; what cannot be read of it is a remark.

    Raises:
      UserError: if it has no config.
    """
    stored = run_folder.read_config(place)
    log, remarks = lines.read(place / run_folder.METRICS), []
    if log.remark:
        remarks.append(log.remark)
    results = []
    for path in sorted((place / run_folder.EVALUATION).glob("*.json")):
        try:
            results.append(protocol.read(path))
        except errors.UserError as error:
            remarks.append(str(error))
    results.sort(key=lambda each: each.get("step", 0))
    return Run(place, stored, log, results, remarks)


def named(workdirs: Sequence[Path]) -> list[str]:
    """What to call folders: their own name, or where two share one the path from all of them."""
    whole = [os.path.abspath(each) for each in workdirs]
    names = [os.path.basename(each) or each for each in whole]
    above = os.path.commonpath([os.path.dirname(each) for each in whole])
    return [
        name if names.count(name) == 1 else os.path.relpath(each, above)
        for name, each in zip(names, whole, strict=True)
    ]


def joined(names: Sequence[str]) -> str:
    """The name of an arm of runs with these names."""
    different = list(dict.fromkeys(names))
    folders = {os.path.dirname(name) for name in different}
    if len(folders) == 1:  # it is said once
        different[1:] = map(os.path.basename, different[1:])
    more = len(different) - 3
    return " + ".join(different[:3]) + (f" and {more} more" if more > 0 else "")
