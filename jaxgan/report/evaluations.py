"""The tables of what was measured: one for each protocol, with its floor, final and best."""

import dataclasses
from collections.abc import Iterator, Sequence

from jaxgan.evaluation.protocol import Result
from jaxgan.report.reading import Arm, Run
from jaxgan.report.tables import Table, laid, number, text
from jaxgan.sweep import outcomes
from jaxgan.sweep.outcomes import ROLES
from jaxgan.sweep.statistics import interval
from jaxgan.sweep.summary import written

REPORT = "report"
PARTS = {REPORT: "to be reported", "select": "during training"}
# What was measured during training has no role: the newest of it is shown.
NEWEST = "newest"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one protocol measured.

    Attributes:
      title: on what, and what for.
      told: how many samples were compared by which features.
      table: its figures.
      protocol: its fields.
      warnings: of the results in the table.
    """

    title: str
    told: str
    table: Table
    protocol: Table
    warnings: list[str]


def measured(arms: Sequence[Arm]) -> list[Measured]:
    """The figures by protocol: those to be reported first, those that chose a checkpoint last."""
    every = [each for arm in arms for run in arm.runs for each in run.results]
    protocols = {outcomes.key(each, ()): each for each in every}
    order = sorted(protocols, key=lambda key: protocols[key]["protocol"].get("part") != REPORT)
    return [of_protocol(arms, key, protocols[key]) for key in order]


def of_protocol(arms: Sequence[Arm], key: str, example: Result) -> Measured:
    """The table of one protocol: a row for each figure, or for each arm if there are many.

    Args:
      arms: of the page.
      key: of the protocol, see ``outcomes.key``.
      example: a result by it.
    """
    columns: dict[str, list[Result]] = {}
    for arm in arms:
        found: dict[str, list[Result]] = {}
        for run in arm.runs:
            for role, result in by_role(run, key):
                found.setdefault(role, []).append(result)
        for role in (*ROLES, NEWEST):
            if role in found:
                columns[f"{arm.name}, {role}{at(found[role])}"] = found[role]
    results = [each for of in columns.values() for each in of]
    names = list(dict.fromkeys(name for each in results for name in each["figures"]))
    floors = {name: floor(results, name) for name in names}
    head, rows = ["figure"], [[name] for name in names]
    if any(floors.values()):
        head.append("floor (real to real)")
        rows = [[*row, floors[row[0]]] for row in rows]
    for title, of in columns.items():
        head.append(title)
        rows = [[*row, value(of, row[0])] for row in rows]
    told = example["protocol"]
    fields = [[name, text(each)] for name, each in told.items() if name != "metrics"]
    warnings = list(
        dict.fromkeys(each for result in results for each in result.get("warnings", ()))
    )
    return Measured(
        f"{told.get('data')}, {PARTS.get(told.get('part'), told.get('part'))}",
        f"{told.get('n_generated')} generated samples against {told.get('n_real')} real ones of "
        f"split {told.get('split')}; features: {told.get('extractor')}",
        laid(Table(head, rows)),
        Table(["protocol", "value"], fields),
        warnings,
    )


def by_role(run: Run, key: str) -> Iterator[tuple[str, Result]]:
    """The results of a run by one protocol, each as final, best, or the newest during training."""
    of = [each for each in run.results if outcomes.key(each, ()) == key]
    roles = {role: each for role in ROLES for each in of if role in (each.get("checkpoint") or "")}
    if not roles and of:
        roles = {NEWEST: of[-1]}
    yield from roles.items()


def at(results: Sequence[Result]) -> str:
    """The step of results, where it is one, and the number of seeds, where they are several."""
    steps = {each.get("step") for each in results}
    told = f" (step {steps.pop()})" if len(steps) == 1 else ""
    return told if len(results) == 1 else f"{told}, {len(results)} seeds"


def value(results: Sequence[Result], name: str) -> str:
    """A figure; of several seeds the mean and its interval."""
    of = [each["figures"].get(name, {}).get("value") for each in results]
    known = [float(each) for each in of if each is not None]
    return number(known[0]) if len(known) == 1 else written(interval(known))


def floor(results: Sequence[Result], name: str) -> str:
    """What real samples get, or the range of it."""
    of = [each["figures"].get(name, {}).get("floor") for each in results]
    known = {float(each) for each in of if each is not None}
    return " to ".join(dict.fromkeys(number(f(known)) for f in (min, max))) if known else ""
