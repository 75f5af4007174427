"""The configs of arms: what differs between them, and what they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.config import flatten
from jaxgan.report.reading import SEEDS, Arm
from jaxgan.report.tables import Table, laid, text
from jaxgan.run import run_folder

# An older version did not have the field, or the method has none of that name.
MISSING = "–"
# Names of thousands of classes tell nobody anything.
LONG = 300


def different(arms: Sequence[Arm]) -> Table | None:
    """The fields in which arms differ; ``None`` if there are none, or one arm alone."""
    every = [fields(arm) for arm in arms]
    rows = [
        [name, *(shown(own, name) for own in every)]
        for name in names(every)
        if len({repr(own.get(name, MISSING)) for own in every}) > 1
    ]
    return laid(Table(["field", *(arm.name for arm in arms)], rows)) if rows else None


def shared(arms: Sequence[Arm]) -> Table:
    """The fields that all arms have alike."""
    every = [fields(arm) for arm in arms]
    rows = [
        [name, shown(every[0], name)]
        for name in names(every)
        if len({repr(own.get(name, MISSING)) for own in every}) == 1
    ]
    return Table(["field", "value"], rows)


def fields(arm: Arm) -> dict[str, Any]:
    """What the config of an arm says, and what it was run on, by dotted names."""
    stored = arm.stored
    beside = {
        name: run_folder.group(stored, name)
        for name in (run_folder.DATASET, run_folder.ENVIRONMENT)
    }
    found = dict(flatten({**run_folder.of_config(stored), **beside}))
    experiment = Path(str(stored.get(run_folder.EXPERIMENT, ""))).name
    own = {name: value for name, value in found.items() if name not in SEEDS}
    return {run_folder.EXPERIMENT: experiment, **own}


def names(every: Sequence[dict[str, Any]]) -> list[str]:
    """The fields that any of them has."""
    return list(dict.fromkeys(name for own in every for name in own))


def shown(own: dict[str, Any], name: str) -> str:
    """The value of a field as it is read."""
    if name not in own:
        return MISSING
    told = text(own[name])
    return told if len(told) <= LONG else f"{told[:LONG]} …"
