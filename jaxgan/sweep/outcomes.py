"""What came of a sweep's runs, read from their folders."""

import contextlib
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import errors
from jaxgan.evaluation import protocol
from jaxgan.evaluation.protocol import Result
from jaxgan.run import run_folder
from jaxgan.run.pauses import DIVERGED
from jaxgan.sweep import runs, sweep_folder

ROLES = ("final", "best")
COLLAPSE = "alarm/collapse"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
      seed: its own.
      state: ``'finished'``, ``'diverged'``, ``'failed'``, or ``'unfinished'``.
      collapsed: whether the alarm of mode collapse was on when it ended.
      results: of its report part, those of one protocol, by role: ``'final'``, ``'best'``.
    """

    seed: int
    state: str
    collapsed: bool
    results: dict[str, Result]


def read(
    workdir: Path, stored: Mapping[str, Any], despite: Sequence[str] = ()
) -> dict[str, list[Outcome]]:
    """The outcomes of each arm, in the order of the seeds.

    Args:
      workdir: of the sweep.
      stored: what its ``sweep.json`` holds.
      despite: fields of the protocol that may differ between runs.

    Raises:
      UserError: if nothing was measured, or not by one protocol.
    """
    places = sweep_folder.places(workdir, stored)
    measured = {
        place: reports(place)
        for of in places.values()
        for place, whole in of.values()
        if state(place, whole) == "finished"
    }
    keys = [{key(each, despite) for each in found} for found in measured.values() if found]
    if not keys:
        raise errors.UserError(f"nothing in {workdir} has been measured yet")
    shared = set.intersection(*keys)
    if not shared:
        refuse(measured, despite)
    newest = [each for found in measured.values() for each in found if key(each, despite) in shared]
    chosen = key(newest[-1], despite)
    return {
        arm: [
            Outcome(
                seed,
                state(place, whole),
                collapsed(place),
                by_role([r for r in measured.get(place, []) if key(r, despite) == chosen]),
            )
            for seed, (place, whole) in of.items()
        ]
        for arm, of in places.items()
    }


def reports(place: Path) -> list[Result]:
    """The results of the report part, the newest last.

    Raises:
      UserError: if one cannot be read.
    """
    found = sorted(
        (place / run_folder.EVALUATION).glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    results = [protocol.read(path) for path in found]
    return [each for each in results if each["protocol"].get("part") == "report"]


def by_role(results: Sequence[Result]) -> dict[str, Result]:
    """The result of the final checkpoint and of the best one; later ones win."""
    roles = {role: each for role in ROLES for each in results if role in each["checkpoint"]}
    return {role: each for role, each in roles.items() if each["figures"]}


def key(result: Result, despite: Sequence[str]) -> str:
    """What is equal for results that may be compared."""
    compared = {k: v for k, v in result["protocol"].items() if k not in despite}
    return json.dumps(compared, sort_keys=True)


def refuse(measured: dict[Path, list[Result]], despite: Sequence[str]) -> None:
    """Says how the protocols of two runs differ.

    Raises:
      UserError: always.
    """
    first, *others = [(place, found[-1]) for place, found in measured.items() if found]
    for place, result in others:
        different = protocol.differences(first[1], result)
        if told := [
            f"{name} is {a!r} in {first[0]}, {b!r} in {place}"
            for name, (a, b) in different.items()
            if name not in despite
        ]:
            fields = ",".join(name for name in different if name not in despite)
            raise errors.UserError(
                f"these runs were not measured alike: {'; '.join(told)}; to compare them all the "
                f"same: --despite={fields}"
            )
    raise errors.UserError("these runs have no protocol in common: evaluate them alike")


def state(place: Path, whole: Path) -> str:
    """How the run of ``place`` ended, which is a lane of the one of ``whole``, or that itself."""
    try:
        code = json.loads(whole.with_name(whole.name + ".json").read_text())["code"]
    except (OSError, ValueError, KeyError, TypeError):
        return "unfinished"
    if not place.is_dir():
        return "unfinished"
    if code == runs.FINISHED and any(line.get(DIVERGED) for line in logged(place, DIVERGED)):
        return "diverged"
    return {runs.FINISHED: "finished", runs.DIVERGED: "diverged"}.get(code, "failed")


def logged(place: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a run's log that hold a metric."""
    try:
        lines = (place / run_folder.METRICS).read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):  # one that is being written, or was cut off
            found += [json.loads(line)] if f'"{name}"' in line else []
    return found


def collapsed(place: Path) -> bool:
    """Whether the alarm of mode collapse was on at the end."""
    found = [line.get(COLLAPSE) for line in logged(place, COLLAPSE)]
    return bool(found and found[-1])


def shown(outcomes: dict[str, list[Outcome]]) -> dict[str, Any]:
    """The protocol of the results."""
    return next(
        result["protocol"]
        for of in outcomes.values()
        for outcome in of
        for result in outcome.results.values()
    )


def names(outcomes: dict[str, list[Outcome]]) -> list[str]:
    """The figures that any run has, in the order in which they were measured."""
    found: dict[str, None] = {}
    for of in outcomes.values():
        for outcome in of:
            for result in outcome.results.values():
                found |= dict.fromkeys(result["figures"])
    return list(found)


def value(outcome: Outcome, role: str, figure: str) -> float | None:
    """A figure of a run, or ``None`` where it was not measured."""
    found: Any = outcome.results.get(role, {}).get("figures", {}).get(figure)
    return None if found is None else float(found["value"])
