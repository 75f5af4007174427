"""The runs of a sweep: their folders, their commands, and how each ended."""

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.base import errors, files
from jaxgan.config import SAFE, parse_override
from jaxgan.run import lane_folders
from jaxgan.sweep.arms import EXPERIMENT, TOGETHER, Fields, Sweep, folder, written

SWEEP = "sweep.json"
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


def places(workdir: Path, stored: Mapping[str, Any]) -> dict[str, dict[int, tuple[Path, Path]]]:
    """By arm and seed the folder of a run, and that of the run that it is a lane of, or itself.

    Args:
      workdir: of the sweep.
      stored: what its ``sweep.json`` holds.
    """
    found: dict[str, dict[int, tuple[Path, Path]]] = {}
    pools = [(i, pool) for i, pool in enumerate(stored.get("pools", ()))]
    for arm in stored["arms"]:
        whole, index = workdir / folder(arm), None
        for number, pool in pools:
            if arm in pool:
                whole, index = workdir / f"{TOGETHER}{number}", pool.index(arm)
        own = {seed: lane_folders.place(whole, seed, index) for seed in stored["seeds"]}
        together = stored.get("together", False)
        if together and index is None and len(own) == 1:  # one lane is a run by itself
            own = dict.fromkeys(own, whole)
        found[arm] = {seed: (at, whole if together else at) for seed, at in own.items()}
    return found


def describe(
    sweep: Sweep,
    experiment: str,
    overrides: Sequence[str],
    pools: Sequence[Sequence[str]] = (),
    *,
    smoke: bool,
) -> dict[str, Any]:
    """What ``sweep.json`` holds."""
    text = {
        "experiment": str(Path(experiment).resolve()),
        "smoke": smoke,
        "overrides": dict(parse_override(each) for each in overrides),
        "arms": sweep.arms,
        "seeds": sweep.seeds,
        "baseline": sweep.baseline,
        "together": sweep.together,
        "pools": pools,
    }
    return json.loads(json.dumps(text))


def stored(workdir: Path) -> dict[str, Any]:
    """The file ``sweep.json`` of a sweep's folder, see ``describe``.

    Raises:
      UserError: if it is not there or not readable.
    """
    try:
        found = json.loads((workdir / SWEEP).read_text())
        kinds = {"arms": dict, "seeds": list, "experiment": str, "overrides": dict, "baseline": str}
        whole = isinstance(found, dict) and all(
            isinstance(found.get(name), kind) for name, kind in kinds.items()
        )
        if not whole:
            raise ValueError("it does not describe one")
    except FileNotFoundError:
        raise errors.UserError(f"{workdir} is not the folder of a sweep: no {SWEEP}") from None
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{workdir / SWEEP} cannot be read: {error}") from error
    return found


def check(workdir: Path, new: dict[str, Any]) -> None:
    """Refuses a folder that holds another sweep; arms and seeds may have been added.

    Raises:
      UserError: naming what differs.
    """
    if not (workdir / SWEEP).exists():
        if workdir.is_dir() and any(workdir.iterdir()):
            raise errors.UserError(f"{workdir} is not empty and holds no sweep; take another one")
        return
    old = stored(workdir)
    files_of = [Path(each["experiment"]).name for each in (old, new)]
    told = []
    if files_of[0] != files_of[1]:
        told.append(f"it is of {files_of[0]}, not {files_of[1]}")
    if old.get("smoke") != new["smoke"]:
        told.append(f"it was begun {'with' if old.get('smoke') else 'without'} --smoke")
    before, now = (
        {k: v for k, v in each["overrides"].items() if not k.startswith(SAFE)}
        for each in (old, new)
    )
    if before != now:
        told.append(f"the fields set for all were {before}, now {now}")
    for arm, fields in old["arms"].items():
        if arm not in new["arms"]:
            told.append(f"arm {arm!r} is gone")
        elif fields != new["arms"][arm]:
            told.append(f"arm {arm!r} set {fields}, now {new['arms'][arm]}")
    if old.get("together", False) != new["together"]:
        told.append(f"its seeds were {'' if old.get('together') else 'not '}trained together")
    elif new["together"] and old["seeds"] != new["seeds"]:
        told.append(f"the seeds trained together were {old['seeds']}, now {new['seeds']}")
    if gone := [seed for seed in old["seeds"] if seed not in new["seeds"]]:
        told.append(f"seeds {gone} are gone")
    if told:
        raise errors.UserError(
            f"{workdir} holds another sweep: {'; '.join(told)}; take another folder"
        )


def check_pools(workdir: Path, pools: Sequence[Sequence[str]]) -> None:
    """Refuses a folder in which other arms were trained together.

    Raises:
      UserError: naming both.
    """
    old = stored(workdir).get("pools", []) if (workdir / SWEEP).exists() else pools
    if old != pools:
        raise errors.UserError(
            f"{workdir} holds another sweep: the arms trained together were {old}, now {pools}; "
            "take another folder"
        )


def claim(workdir: Path, new: dict[str, Any]) -> None:
    """Writes what the sweep is.

    Raises:
      WriteError: if it cannot be written.
    """
    with files.replacing(workdir / SWEEP) as path:
        path.write_text(json.dumps(new, indent=2) + "\n")
