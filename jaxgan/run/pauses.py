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
from jaxgan.learning import player
from jaxgan.run import checkpoint, drawing, program, run_folder, sampling
from jaxgan.run.program import Carry, Program
from jaxgan.watch import alarms, callbacks, log, pictures


@dataclasses.dataclass
class Run:
    """A run under way: what the loop looks at beside the carry.

    Attributes:
      program: the compiled functions.
      workdir: its folder.
      checkpoints: open for writing.
      log: its log.
      record: what is saved beside the state: what callbacks and alarms remember, the metric that
        ranks the next checkpoint, how often it was rolled back, how many steps were skipped,
        whether it was stopped early.
      evaluator: what it is measured by, or ``None``.
      shown: images of the data that are drawn beside samples.
    """

    program: Program
    workdir: Path
    checkpoints: checkpoint.Checkpoints
    log: log.Log
    record: dict[str, Any]
    evaluator: evaluation.Evaluator | None
    shown: drawing.Shown

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
    }


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
    scale = jax.jit(
        player.scale_learning_rates, static_argnums=1, out_shardings=run.program.devices.replicated
    )
    return carry | {"state": scale(carry["state"], factor)}


def evaluate(
    run: Run, carry: Carry, step: int, evaluator: evaluation.Evaluator
) -> dict[str, float]:
    """Measures the present samples against real ones, writes down how, and logs it.

    What cannot be measured is told, and training goes on.
    """
    subject = sampling.subject(run.program, carry["state"])
    try:
        result = evaluator.measure(subject, run.program.purpose_key(program.EVALUATE), step)
    except errors.UserError as error:
        run.log.warn(f"step {step} is not evaluated: {error}")
        return {}
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


def sample(run: Run, carry: Carry, step: int) -> None:
    """Draws the pictures: the same latents and the same images every time."""
    if not run.config.sample.every:
        return
    drawn = drawing.draw(run.program, carry["state"], run.shown)
    if jax.process_index() == 0:
        for name, image in drawn.items():
            with run.log.sparing("pictures"):
                pictures.save(image, run.workdir / run_folder.SAMPLES / f"{name}_{step:08}.png")
        run.log.picture(step, np.asarray(drawn[drawing.GRID].convert("RGB")))


def save(run: Run, carry: Carry, step: int) -> None:
    """Starts to write a checkpoint."""
    # Each is ranked by what was measured since the one before, or not at all.
    metric, run.record["metric"] = run.record["metric"], None
    # A copy: it is written while the loop goes on.
    meta = {"record": copy.deepcopy(run.record), "config": run_folder.to_json(run.config)}
    run.checkpoints.save(step, carry, meta, metric)


def left(run: Run) -> str:
    """What a run that stops can go on from."""
    good = checkpoint.last_good(run.checkpoints.directory)
    if good is None:
        return "there is no checkpoint yet"
    return f"the last good checkpoint is step {good}"
