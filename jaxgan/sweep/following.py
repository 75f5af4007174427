"""Following a sweep's runs to their end: progress, and what became of each."""

import json
import os
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from tqdm import tqdm

from jaxgan.base import preemption
from jaxgan.run import run_folder
from jaxgan.sweep import sweep_folder
from jaxgan.sweep.plan import Plan
from jaxgan.sweep.runs import BAD_END, FINISHED, Ended, Run
from jaxgan.sweep.work import Work

# Seconds between two looks; bytes at the end of a log in which its last line is looked for.
PAUSE, TAIL = 0.5, 1 << 16


class Executor(Protocol):
    """Where runs run, see ``local`` and ``slurm``."""

    @property
    def busy(self) -> bool: ...  # noqa: D102
    def add(self, works: Iterable[Work]) -> None: ...  # noqa: D102
    def advance(self) -> list[Ended]: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102


def follow(made: Plan, executor: Executor) -> int:
    """Runs what has not finished, and tells how each ended.

    Returns:
      An exit code: 0 if all have finished, 1 if some failed, 75 if it was told to stop.

    Raises:
      WriteError: if the disk takes no more.
    """
    beginning = [run for run in made.runs if due(run)]
    for run in beginning:
        run.begin()
    executor.add(work_of(made, run) for run in beginning)
    whole = sum(made.steps[run.arm] for run in made.runs)
    stopping = False
    # Where standard error is no terminal there is a line for each run that ends, and no bar.
    progress = tqdm(
        total=whole,
        initial=done(made, [run.code() for run in made.runs]),
        unit="step",
        smoothing=0.05,
        dynamic_ncols=True,
        disable=None,
    )
    with progress as bar:
        while executor.busy:
            if preemption.requested(0) and not stopping:
                stopping = True
                executor.stop()
            for run, code, seconds in executor.advance():
                if code == preemption.EXIT_CODE:
                    if not stopping:  # somebody else stopped it, and it has saved
                        executor.add([work_of(made, run)])
                    continue
                if not stopping or code == FINISHED:
                    run.end(code, seconds)
                    bar.write(ending(run, code, seconds))
            show(bar, made)
            wait(stopping)
        show(bar, made)
    if stopping:
        return preemption.EXIT_CODE
    return FINISHED if all(run.code() == FINISHED for run in made.runs) else 1


def wait(stopping: bool) -> None:
    """Until the next look, or a signal: a second one would end this process, and not its runs."""
    until = time.monotonic() + PAUSE
    while time.monotonic() < until and (stopping or not preemption.requested(0)):
        time.sleep(PAUSE / 10)


def work_of(made: Plan, run: Run) -> Work:
    """What a run does: it is trained, and measured on data that chose none of its checkpoints."""
    modes = ("train", "evaluate") if made.measured[run.arm] else ("train",)
    return Work(run, {mode: run.command(mode) for mode in modes})


def due(run: Run) -> bool:
    """Whether a run is to begin, or to go on: one that diverged would diverge again."""
    return run.code() not in (FINISHED, *BAD_END)


def ending(run: Run, code: int, seconds: float) -> str:
    """What became of a run, in a line."""
    told = f"{run.name}: "
    if code == FINISHED:
        return f"{told}finished in {tqdm.format_interval(seconds)}"
    reason = run.reason() if code > 0 else f"killed by signal {-code}"
    return f"{told}failed with exit code {code}: {reason} ({run.log})"


def show(bar: tqdm, made: Plan) -> None:
    """Brings the progress up to date."""
    codes = [run.code() for run in made.runs]
    finished = codes.count(FINISHED)
    failed = len(codes) - finished - codes.count(None)
    told = f"{finished} of {len(codes)} runs finished"
    bar.set_postfix_str(told + (f", {failed} failed" if failed else ""), refresh=False)
    bar.n = done(made, codes)
    bar.refresh()


def done(made: Plan, codes: Sequence[int | None]) -> int:
    """Steps of all runs that need not be made any more; ``codes`` are how these ended."""
    return sum(
        last_step(run) if code is None else made.steps[run.arm]
        for run, code in zip(made.runs, codes, strict=True)
    )


def last_step(run: Run) -> int:
    """The last step that a run has logged, 0 if none."""
    try:
        first, *_ = sweep_folder.lanes(run.place, run.arms, run.seeds)
        with (first / run_folder.METRICS).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read().splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue
    return 0
