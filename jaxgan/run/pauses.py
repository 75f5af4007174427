"""A run under way, and what is done where the loop pauses: decide, evaluate, draw, save."""

import contextlib
import copy
import dataclasses
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import evaluation
from jaxgan.base import errors
from jaxgan.base.state import State
from jaxgan.learning import player
from jaxgan.run import checkpoint, drawing, lanes, program, run_folder, sampling
from jaxgan.run.program import Carry, Program
from jaxgan.watch import alarms, callbacks, log, pictures, totals

# Logged of a seed that has diverged while others go on.
DIVERGED = "diverged"


@dataclasses.dataclass
class Run:
    """A run under way: what the loop looks at beside the carry.

    Of several seeds in one program each is a run, too, with a folder of its own.

    Attributes:
      program: the compiled functions.
      workdir: its folder.
      checkpoints: open for writing.
      log: its log.
      record: what is saved beside the state: what callbacks and alarms remember, the metric that
        ranks the next checkpoint, how often it was rolled back, how many steps were skipped,
        whether it was stopped early, or has diverged while other seeds go on.
      evaluator: what it is measured by, or ``None``.
      shown: images of the data that are drawn beside samples.
      seeds: the run of each seed, where there are several.
    """

    program: Program
    workdir: Path
    checkpoints: checkpoint.Checkpoints
    log: log.Log
    record: dict[str, Any]
    evaluator: evaluation.Evaluator | None
    shown: drawing.Shown
    seeds: list["Run"] = dataclasses.field(default_factory=list)

    @property
    def lanes(self) -> list["Run"]:
        """The run of each seed: itself, where there is one."""
        return self.seeds or [self]

    @property
    def config(self) -> ConfigDict:
        """The program's config."""
        return self.program.config


def start_record() -> dict[str, Any]:
    """What a new run has decided so far: nothing."""
    return {
        "trackers": callbacks.start(),
        "alarms": alarms.start(),
        "metric": None,
        "rollbacks": 0,
        "skipped": 0,
        "stopped": False,
        "diverged": False,
    }


def of_lane(run: Run, program: Program, workdir: Path) -> Run:
    """The run of one of several lanes, in a folder of its own: its log, its record."""
    told = str(workdir.relative_to(run.workdir)).replace("_", " ").replace("/", ", ")
    path = workdir / run_folder.METRICS
    own = log.Log(path, run.config.steps, program.batch, whose=f"{told}: ")
    return dataclasses.replace(run, program=program, workdir=workdir, log=own, record={})


def apart(run: Run, counted: totals.Totals) -> list[totals.Totals]:
    """Fetched totals of each seed."""
    if not run.seeds:
        return [counted]
    return [jax.tree.map(lambda x: x[i], counted) for i in range(len(run.seeds))]  # noqa: B023


def going(run: Run) -> list[tuple[int, Run]]:
    """The seeds that have not diverged, each with its lane."""
    return [(i, lane) for i, lane in enumerate(run.lanes) if not lane.record.get("diverged")]


def state_of(run: Run, carry: Carry, lane: int) -> State:
    """The state of one seed."""
    if not run.seeds:
        return carry["state"]
    return lanes.take(carry, lane, run.program.devices)["state"]


def leave_out(lane: Run, step: int, told: str) -> None:
    """Notes that a seed has diverged, and no longer moves; the others go on."""
    if not lane.record.get("diverged"):
        lane.record["diverged"] = True
        lane.log.write(step, {DIVERGED: 1.0})
        lane.log.warn(f"stopped: {told}; the other seeds go on")


def decide(
    run: Run, carry: Carry, step: int, line: dict[str, float], expected: Container[str]
) -> Carry:
    """Lets alarms and callbacks look at a log line; these may end the run or slow its learning.

    A metric that was ``expected`` in the line and did not come has not improved.
    """
    config, trackers = run.config, run.record["trackers"]
    if config.checkpoint.best in line:
        run.record["metric"] = line[config.checkpoint.best]
    run.record["alarms"], changed = alarms.watch(run.record["alarms"], config.alarms, line)
    for name, told in changed.items():
        run.log.write(step, {f"alarm/{name}": float(bool(told))})
        run.log.warn(f"step {step}: alarm: {told}" if told else f"step {step}: {name} is over")
    fired = {}
    for name in trackers:
        trackers[name], fired[name] = callbacks.track(trackers[name], config[name], line, expected)
    if fired["reduce_on_plateau"]:
        factor = config.reduce_on_plateau.factor
        carry = rescale(run, carry, factor)
        run.log.say(
            f"step {step}: plateau of {config.reduce_on_plateau.metric}, "
            f"learning rates times {factor:g}"
        )
    if fired["early_stopping"]:
        run.record["stopped"] = True
        run.log.say(
            f"step {step}: stopped early, {config.early_stopping.metric} no longer improves"
        )
    return carry


def evaluated_before(run: Run) -> list[str]:
    """Figures that callbacks look at and an earlier evaluation had."""
    return [
        run.config[name].metric
        for name, tracker in run.record["trackers"].items()
        if tracker["best"] is not None and run.config[name].metric.startswith(evaluation.LOGGED)
    ]


def rescale(run: Run, carry: Carry, factor: float) -> Carry:
    """The carry with all learning rates multiplied by ``factor``."""
    lies = run.program.carried["state"]
    scale = jax.jit(player.scale_learning_rates, static_argnums=1, out_shardings=lies)
    return carry | {"state": scale(carry["state"], factor)}


def evaluate(
    run: Run, state: State, step: int, evaluator: evaluation.Evaluator
) -> dict[str, float]:
    """Measures the present samples against real ones, writes down how, and logs it.

    What cannot be measured is told, and training goes on.
    """
    subject = sampling.subject(run.program, state)
    try:
        result = evaluator.measure(subject, run.program.purpose_key(program.EVALUATE), step)
    except errors.UserError as error:
        run.log.warn(f"step {step} is not evaluated: {error}")
        return {}
    result["made_by"] = evaluation.made_by(run.config)  # an evaluator is of all seeds
    if jax.process_index() == 0:
        evaluation.write(result, run.workdir / run_folder.EVALUATION)
    line = {evaluation.LOGGED + name: each["value"] for name, each in result["figures"].items()}
    run.log.write(step, line)
    run.log.say(evaluation.in_a_line(result))
    first = step == run.config.evaluation.every
    for warning in result["warnings"]:
        if first and warning not in evaluator.notes:
            run.log.warn(f"evaluation: {warning}")
    return line


@contextlib.contextmanager
def saving_first(run: Run, carry: Carry, step: int) -> Iterator[None]:
    """Saves what was trained before an error of the block is raised."""
    try:
        yield
    except Exception:
        save(run, carry, step)
        run.checkpoints.wait()
        raise


def sample(run: Run, state: State, step: int) -> None:
    """Draws the pictures: the same latents and the same images every time."""
    if not run.config.sample.every:
        return
    drawn = drawing.draw(run.program, state, run.shown)
    if jax.process_index() == 0:
        for name, image in drawn.items():
            with run.log.sparing("pictures"):
                pictures.save(image, run.workdir / run_folder.SAMPLES / f"{name}_{step:08}.png")
        run.log.picture(step, np.asarray(drawn[drawing.GRID].convert("RGB")))


def save(run: Run, carry: Carry, step: int) -> None:
    """Starts to write a checkpoint.

    It is ranked by what was measured since the one before, the mean over seeds, or not at all.
    """
    measured = [lane.record["metric"] for _, lane in going(run)]
    metric = None if None in measured or not measured else float(np.mean(measured))
    for lane in run.lanes:
        lane.record["metric"] = None
    # Copies: they are written while the loop goes on.
    records = [copy.deepcopy(lane.record) for lane in run.lanes]
    meta = {"record": records if run.seeds else records[0]}
    meta["config"] = run_folder.to_json(run.config)
    run.checkpoints.save(step, carry, meta, metric)


def left(run: Run) -> str:
    """What a run that stops can go on from."""
    good = checkpoint.last_good(run.checkpoints.directory)
    if good is None:
        return "there is no checkpoint yet"
    return f"the last good checkpoint is step {good}"
