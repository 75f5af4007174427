"""What is told of each arm in a row: how far it came, how fast, on what."""

from collections.abc import Sequence

import numpy as np

from jaxgan.report.lines import Series
from jaxgan.report.reading import Arm, Run
from jaxgan.report.tables import Table
from jaxgan.run import run_folder
from jaxgan.run.pauses import DIVERGED
from jaxgan.watch.log import TIMINGS, duration

STEPS, IMAGES = TIMINGS + "steps_per_second", TIMINGS + "images_per_second"


def table(arms: Sequence[Arm]) -> Table:
    """A row for each arm."""
    head = ["run", "state", "seeds", "steps/s", "images/s", "time", "hardware", "software"]
    rows = [
        [
            arm.name,
            state(arm),
            seeds(arm),
            speed(arm, STEPS),
            speed(arm, IMAGES),
            time(arm),
            told({hardware(run) for run in arm.runs}),
            told({software(run) for run in arm.runs}),
        ]
        for arm in arms
    ]
    return Table(head, rows)


def state(arm: Arm) -> str:
    """How far its runs are."""
    ends = [end(run) for run in arm.runs]
    if len(set(ends)) == 1:
        return ends[0]
    counts = {name: ends.count(name) for name in dict.fromkeys(ends)}
    return "; ".join(f"{n} of {len(ends)}: {name}" for name, n in counts.items())


def end(run: Run) -> str:
    """How far a run is, as its log tells."""
    if DIVERGED in run.lines.series:
        return f"diverged at step {run.lines.series[DIVERGED].steps[0]}"
    # Its log may be gone, and its evaluations there.
    last = run.lines.last or max((each.get("step", 0) for each in run.results), default=0)
    if last >= run.steps > 0:
        return f"finished, {run.steps} steps"
    going = ", going on" if run_folder.holder(run.place) else ""
    return f"step {last} of {run.steps}{going}"


def seeds(arm: Arm) -> str:
    """The seeds of its runs."""
    of = sorted(run.seed for run in arm.runs)
    if len(of) > 2 and of == list(range(of[0], of[-1] + 1)):
        return f"{of[0]} to {of[-1]}"
    return ", ".join(map(str, of))


def speed(arm: Arm, name: str) -> str:
    """The median over the log of its runs; the first line, which compiled, counts as any."""
    found = [run.lines.series[name].values for run in arm.runs if name in run.lines.series]
    return f"{np.median(np.concatenate(found)):.4g}" if found else ""


def time(arm: Arm) -> str:
    """How long its longest run trained, evaluations and pauses left away."""
    found = [run.lines.series[STEPS] for run in arm.runs if STEPS in run.lines.series]
    return duration(max(map(seconds, found))) if found else ""


def seconds(rates: Series) -> float:
    """How long the steps took, of which the log has the rate."""
    kept = rates.finite()
    steps = np.diff(kept.steps, prepend=0)
    return float((steps[kept.values > 0] / kept.values[kept.values > 0]).sum())


def hardware(run: Run) -> str:
    """What a run computed on."""
    known = run_folder.group(run.stored, run_folder.HARDWARE)
    if known:
        many = f"{known.get('devices')} × {known.get('kind')}"
        hosts = known.get("processes", 1)
        cores = f"{known.get('cores')} cores" + (f", {hosts} processes" if hosts > 1 else "")
        return f"{many} ({known.get('platform')}), {cores}"
    # An older version kept it nowhere but with what it measured.
    made = [each.get("made_by", {}).get("backend", "") for each in run.results]
    return next(filter(None, made), "not stored")


def software(run: Run) -> str:
    """The versions that a run was measured with, or trained with."""
    versions = [each.get("made_by", {}).get("versions", {}) for each in run.results]
    known: dict[str, str] = next(filter(None, versions), {})
    jax = run_folder.group(run.stored, run_folder.HARDWARE).get("jax")
    both = {"jax": jax or known.get("jax"), "jaxgan": known.get("jaxgan")}
    return ", ".join(f"{name} {version}" for name, version in both.items() if version)


def told(values: set[str]) -> str:
    """What runs have, each once."""
    return "; ".join(sorted(filter(None, values)))
