"""The runs of a sweep: their commands, and how each ended."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.base import files
from jaxgan.run import lane_folders
from jaxgan.sweep.arms import EXPERIMENT, TOGETHER, Fields, Sweep, folder, written

# Exit codes of a run, see ``jaxgan.train``.
FINISHED, DIVERGED = 0, 3
# What would come out again.
BAD_END = (DIVERGED,)


class Ended(NamedTuple):
    """A run that has ended: which, its exit code, and how long it took."""

    run: "Run"
    code: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Run:
    """One arm with one seed, or with all of them together, or several arms.

    Attributes:
      arms: their names.
      seeds: of the run.
      place: its folder; beside it stand its output, ``.log``, and how it ended, ``.json``.
      arguments: of ``jaxgan.main``, the folder left away.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    place: Path
    arguments: tuple[str, ...]

    @property
    def arm(self) -> str:
        """The first of them."""
        return self.arms[0]

    @property
    def name(self) -> str:
        """As it is told."""
        told = self.arm if len(self.arms) == 1 else f"{len(self.arms)} arms from {self.arm}"
        if len(self.seeds) == 1:
            return f"{told}, seed {self.seeds[0]}"
        return f"{told}, seeds {self.seeds[0]} to {self.seeds[-1]}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.place.with_name(self.place.name + ".log")

    @property
    def ending(self) -> Path:
        """How it ended."""
        return self.place.with_name(self.place.name + ".json")

    def command(self, mode: str) -> list[str]:
        """What to call: ``'train'``, or ``'evaluate'`` what was trained."""
        given = self.arguments if mode == "train" else ()
        python = [sys.executable, "-m", "jaxgan.main"]
        return [*python, f"--mode={mode}", f"--workdir={self.place}", *given]

    def code(self) -> int | None:
        """The exit code that it ended with under these arguments; ``None`` if it has not."""
        try:
            found = json.loads(self.ending.read_text())
        except (OSError, ValueError):
            return None
        same = isinstance(found, dict) and found.get("arguments") == list(self.arguments)
        return found.get("code") if same and self.place.is_dir() else None

    def begin(self) -> None:
        """Forgets how it ended before, as under fewer steps."""
        self.ending.unlink(missing_ok=True)

    def end(self, code: int, seconds: float) -> None:
        """Writes down how it ended.

        Raises:
          WriteError: if it cannot be written.
        """
        found = {"code": code, "seconds": round(seconds, 1), "arguments": list(self.arguments)}
        with files.replacing(self.ending) as path:
            path.write_text(json.dumps(found, indent=2) + "\n")

    def reason(self) -> str:
        """Why it failed: the last line that it printed of it."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        told = [x for x in lines if x.startswith(("error:", "stopped:"))] or lines
        return next((x.strip() for x in reversed(told) if x.strip()), "")


def runs(
    sweep: Sweep, workdir: Path, experiment: str, overrides: Sequence[str], *, smoke: bool
) -> list[Run]:
    """The runs of each arm by itself, seed by seed, so that the first seeds of all come first.

    The seeds of an arm lie in its folder, as the lanes of a run do.

    Args:
      sweep: what differs between them.
      workdir: of the sweep.
      experiment: the path of its file.
      overrides: ``--config.FIELD=VALUE`` of all of them; an arm's own come after.
      smoke: whether each is the experiment's version of seconds.
    """
    path, small = Path(experiment).resolve(), ["--smoke"] if smoke else []
    found = []
    for seeds in [sweep.seeds] if sweep.together else [(seed,) for seed in sweep.seeds]:
        for arm, fields in sweep.arms.items():
            own = [
                f"--config.{field}={written(value)}"
                for field, value in fields.items()
                if field != EXPERIMENT
            ]
            file = path.with_name(fields.get(EXPERIMENT, path.name))
            which = [f"--config.seed={seeds[0]}"]
            place = workdir / folder(arm)
            if sweep.together:
                which.append(f"--config.seeds={len(seeds)}")
            else:
                place = lane_folders.place(place, seeds[0])
            arguments = (f"--config={file}", *small, *overrides, *own, *which)
            found.append(Run((arm,), seeds, place, arguments))
    return found


def pooled(sweep: Sweep, workdir: Path, pool: Sequence[Run], number: int) -> Run:
    """The run that trains several arms side by side, in the place of a run of each.

    Args:
      sweep: whose arms they are.
      workdir: of the sweep.
      pool: the run of each, of all seeds.
      number: of the pool.
    """
    arms = tuple(run.arm for run in pool)
    texts = tuple(" ".join(numbers(sweep.arms[arm])) for arm in arms)
    shared = list(reversed(pool[0].arguments))
    for text in numbers(sweep.arms[arms[0]]):
        shared.remove(f"--config.{text}")  # the arm's own: what all were given stands before it
    arguments = (*reversed(shared), f"--config.arms={texts!r}")
    return Run(arms, pool[0].seeds, workdir / f"{TOGETHER}{number}", arguments)


def numbers(fields: Fields) -> list[str]:
    """What an arm sets that may differ between lanes, if it is a number in the config, too."""
    own = [(field, value) for field, value in fields.items() if is_number(field, value)]
    return [f"{field}={written(value)}" for field, value in own]


def is_number(field: str, value: Any) -> bool:
    """Whether it is a number of the method."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and field.startswith("method.")
