"""The alarms of runs: what they mean, when they began, and whether they are over."""

from collections.abc import Sequence

from jaxgan.report.lines import Series
from jaxgan.report.reading import Arm, Run
from jaxgan.report.tables import Table
from jaxgan.run.pauses import DIVERGED
from jaxgan.watch.alarms import RULES

ALARM = "alarm/"
# Seeds of an arm that are told one by one.
TOLD = 10


def table(arms: Sequence[Arm]) -> Table | None:
    """A row for each alarm of each arm; ``None`` if there was none."""
    rows = []
    for arm in arms:
        found: dict[str, list[tuple[Run, str]]] = {}
        for run in arm.runs:
            for name, series in run.lines.series.items():
                if (name.startswith(ALARM) or name == DIVERGED) and (told := periods(series)):
                    found.setdefault(name.removeprefix(ALARM), []).append((run, told))
        for name, of in found.items():
            rows.append([arm.name, name, when(arm, of), meaning(name)])
    return Table(["run", "alarm", "steps", "what it means"], rows) if rows else None


def periods(series: Series) -> str:
    """When an alarm was on: 1 begins it, 0 ends it."""
    told, since = [], None
    for step, on in zip(series.steps, series.values, strict=True):
        if on and since is None:
            since = step
        elif not on and since is not None:
            told.append(f"{since} to {step}")
            since = None
    if since is not None:
        told.append(f"from {since} on")
    return ", ".join(told)


def when(arm: Arm, of: Sequence[tuple[Run, str]]) -> str:
    """The periods of each seed."""
    if len(arm.runs) == 1:
        return of[0][1]
    told = [f"seed {run.seed}: {periods}" for run, periods in of[:TOLD]]
    more = f"; {len(of) - TOLD} more seeds" if len(of) > TOLD else ""
    return f"{len(of)} of {len(arm.runs)} seeds ({'; '.join(told)}{more})"


def meaning(name: str) -> str:
    """What an alarm says, as the rule that gives it puts it."""
    if name == DIVERGED:
        return "Numbers were not finite: the seed was stopped, the others went on."
    rule = RULES.get(name)
    return (rule[1].__doc__ or "").split("\n")[0].replace("``", "") if rule else ""
