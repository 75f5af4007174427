"""The folder of a sweep: what it is of, in ``sweep.json``, and where each of its runs lies."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import errors, files
from jaxgan.config import SAFE, parse_override
from jaxgan.run import lane_folders
from jaxgan.sweep.arms import TOGETHER, Sweep, folder

SWEEP = "sweep.json"


def places(workdir: Path, stored: Mapping[str, Any]) -> dict[str, dict[int, tuple[Path, Path]]]:
    """By arm and seed the folder of a run, and that of the run that it is a lane of, or itself.

    Args:
      workdir: of the sweep.
      stored: what its ``sweep.json`` holds.
    """
    seeds, found = stored["seeds"], {}
    if not stored.get("together"):
        for arm in stored["arms"]:
            own = {seed: lane_folders.place(workdir / folder(arm), seed) for seed in seeds}
            found[arm] = {seed: (at, at) for seed, at in own.items()}
        return found
    pools = stored.get("pools", ())
    for whole, arms in (
        *((workdir / folder(arm), [arm]) for arm in stored["arms"]),
        *((workdir / f"{TOGETHER}{number}", pool) for number, pool in enumerate(pools)),
    ):
        each = iter(lanes(whole, arms, seeds))
        found |= {arm: {seed: (next(each), whole) for seed in seeds} for arm in arms}
    return found


def lanes(whole: Path, arms: Sequence[str], seeds: Sequence[int]) -> list[Path]:
    """The folder of each arm and seed of one run, the seeds of the first arm first."""
    several = arms if len(arms) > 1 else ()
    return lane_folders.places(whole, {"seed": seeds[0], "seeds": len(seeds), "arms": several})


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


def read(workdir: Path) -> dict[str, Any]:
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
    old = read(workdir)
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
    old = read(workdir).get("pools", []) if (workdir / SWEEP).exists() else pools
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
