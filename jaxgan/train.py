"""The training loop: one, for every method. Read it from top to bottom."""

import contextlib
import copy
import dataclasses
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from clu import parameter_overview
from ml_collections import ConfigDict

from jaxgan import (
    alarms,
    callbacks,
    checkpoint,
    data,
    errors,
    evaluation,
    files,
    log,
    parallel,
    pictures,
    player,
    preemption,
    program,
    sampling,
    totals,
)
from jaxgan import workdir as folder
from jaxgan.program import Carry, Program

FINISHED, DIVERGED = 0, 3
# Where the loop waits for the device.
PAUSES = ("log", "evaluation", "sample", "checkpoint")


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
    """

    program: Program
    workdir: Path
    checkpoints: checkpoint.Checkpoints
    log: log.Log
    record: dict[str, Any]
    evaluator: evaluation.Evaluator | None

    @property
    def config(self) -> ConfigDict:
        """The program's config."""
        return self.program.config


def train(config: ConfigDict, workdir: files.Place, experiment: str = "") -> int:
    """Trains until the config says so; goes on with the run in ``workdir`` if there is one.

    Args:
      config: completed, see ``config.load``.
      workdir: the run's folder.
      experiment: the file the config came from, remembered so that a method beside it is found.

    Returns:
      An exit code: 0 finished, 3 a non-finite number, 75 saved after a signal.

    Raises:
      UserError: for whatever is wrong with the input, and a disk that takes no more; nothing is
        written over.
    """
    workdir = Path(workdir)
    # All that can be wrong with the input comes first: then nothing has been written.
    splits = data.Splits(config.data)
    ready = program.prepare(config, splits=splits)
    source = splits.source()
    checkpoint.require_space(workdir, ready.bytes)
    folder.check_place(workdir)
    evaluator = None
    if config.evaluation.every:
        evaluator = evaluation.open_evaluator(config, "select", splits, mesh=ready.devices.mesh)
    folder.create(workdir)
    primary = jax.process_index() == 0
    with folder.locked(workdir) if primary else contextlib.nullcontext():
        stored = folder.describe(config, experiment, ready.spec)
        folder.check(workdir, stored)
        checkpoints_at = workdir / folder.CHECKPOINTS
        restored = checkpoint.restore(
            checkpoints_at, ready.template, aside=workdir / folder.DAMAGED
        )
        parallel.barrier("restored")
        if primary:
            folder.claim(workdir, stored)
        checkpoints = checkpoint.open_to_write(
            checkpoints_at,
            keep=config.checkpoint.keep,
            needed=ready.bytes,
            best=bool(config.checkpoint.best),
            best_mode=config.checkpoint.best_mode,
        )
        writer = log.Log(workdir / folder.METRICS, config.steps, ready.batch)
        run = Run(ready, workdir, checkpoints, writer, start_record(), evaluator)
        try:
            return follow(run, source, restored)
        except files.WriteError as error:
            raise stopped(run, error) from error
        finally:
            writer.close()
            checkpoints.close()


def stopped(run: Run, error: files.WriteError) -> errors.UserError:
    """What a run says that cannot go on, with what it has left."""
    # One that is under way may yet be whole.
    with contextlib.suppress(errors.UserError):
        run.checkpoints.wait()
    return errors.UserError(f"{error}; {left(run)}; make room and run the same command again")


def left(run: Run) -> str:
    """What a run that stops can go on from."""
    good = checkpoint.last_good(run.checkpoints.directory)
    if good is None:
        return "there is no checkpoint yet"
    return f"the last good checkpoint is step {good}"


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


def follow(run: Run, source: data.Source, restored: checkpoint.Restored | None) -> int:
    """Runs the loop, from the start or a checkpoint, as often as it is rolled back."""
    state = run.program.shapes["state"]
    for name, net in state.nets.items():
        table = parameter_overview.get_parameter_overview(net.params, include_stats=False)
        run.log.say(f"{name}:\n{table}")
    notes = [f"data: {note}" for note in data.label_warnings(source)]
    if run.evaluator is not None:
        notes += [f"evaluation: {note}" for note in run.evaluator.notes]
    for note in notes:
        run.log.warn(note)
    dataset = run.program.dataset(source)
    while True:
        carry, step = begin(run, restored)
        # Closed here, however the loop ends: a traceback would keep its threads alive.
        with contextlib.closing(run.program.batches(source, step)) as batches:
            code = loop(run, carry, step, dataset, batches)
        if code is not None:
            return code
        run.record["rollbacks"] += 1
        run.checkpoints.wait()
        restored = checkpoint.restore(run.checkpoints.directory, run.program.template)


def begin(run: Run, restored: checkpoint.Restored | None) -> tuple[Carry, int]:
    """The carry to go on with and its step; the log is cut back to it."""
    rollbacks = run.record["rollbacks"]
    if restored is None:
        carry, step, run.record = run.program.start(), 0, start_record()
    else:
        carry, step, run.record = restored.tree, restored.step, restored.meta["record"]
        run.log.say(f"going on from step {step}")
    # Those before the checkpoint are in its optimizers already.
    again = rollbacks - run.record["rollbacks"]
    if again > 0:
        factor = run.config.health.factor**again
        carry = rescaled(run, carry, factor)
        run.record["rollbacks"] = rollbacks
        run.log.say(f"rolled back to step {step}, learning rates times {factor:g}")
    if jax.process_index() == 0:
        log.truncate(run.log.path, step)
    run.log.close()
    if run.config.log.tensorboard:
        run.log.board = log.tensorboard(run.workdir, step + 1 if restored else 0)
    return carry, step


def loop(run: Run, carry: Carry, step: int, dataset: Any, batches: data.Stream) -> int | None:
    """From ``step`` to the end, on the ``batches`` of these steps.

    Returns:
      An exit code, or ``None`` to be rolled back to the last checkpoint.
    """
    config, ready = run.config, run.program
    if step == 0:
        sample(run, carry, step)
    run.log.clock(step)
    while step < config.steps and not run.record["stopped"]:
        if preemption.requested(step):
            return preempted(run, carry, step)
        carry = ready.step(carry, dataset, next(batches), ready.key)
        step += 1
        due = {name for name in PAUSES if is_due(config[name].every, step, config.steps)}
        if not due:
            continue
        # The order matters: nothing is logged, drawn or saved of a state that is not finite, and a
        # checkpoint holds what was decided from the lines before it.
        carry = ready.devices.gather(carry)
        counted = jax.device_get(carry["totals"])
        wrong = totals.first_nonfinite(counted)
        if wrong and config.health.on_nonfinite != "skip":
            return diverged(run, *wrong)
        if "log" in due:
            line = totals.means(counted)
            run.log.train(step, line)
            carry = carry | {"totals": ready.fresh_totals()}
            run.record["skipped"] = run.record.get("skipped", 0) + line.get("skipped", 0)
            line = line | {alarms.SKIPPED: totals.skipped_share(counted)}
            carry = decide(run, carry, step, line, counted["sums"])
        if "evaluation" in due and run.evaluator is not None:
            with saving_first(run, carry, step):
                line = evaluate(run, carry, step, run.evaluator)
            carry = decide(run, carry, step, line, evaluated_before(run))
        if "sample" in due or run.record["stopped"]:
            sample(run, carry, step)
        if "checkpoint" in due or run.record["stopped"]:
            save(run, carry, step)
    return finish(run, step)


def is_due(every: int, step: int, last: int) -> bool:
    """Whether something done every ``every`` steps (0: only at the end) is done after ``step``."""
    return step == last or (every > 0 and step % every == 0)


def diverged(run: Run, step: int, name: str) -> int | None:
    """What follows a non-finite number: an exit code, or ``None`` to roll back."""
    health = run.config.health
    told = f"non-finite loss or parameter of {name!r} at step {step}"
    if health.on_nonfinite == "rollback" and run.record["rollbacks"] < health.max_rollbacks:
        run.log.say(told)
        return None
    run.checkpoints.wait()
    run.log.warn(f"stopped: {told}; {left(run)}")
    return DIVERGED


def evaluated_before(run: Run) -> list[str]:
    """Figures that callbacks look at and an earlier evaluation had."""
    return [
        run.config[name].metric
        for name, tracker in run.record["trackers"].items()
        if tracker["best"] is not None and run.config[name].metric.startswith(evaluation.LOGGED)
    ]


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
        carry = rescaled(run, carry, factor)
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


def rescaled(run: Run, carry: Carry, factor: float) -> Carry:
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
        evaluation.write(result, run.workdir / folder.EVALUATION)
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
    """Draws the grid: the same latents every time."""
    if not run.config.sample.every:
        return
    key = run.program.purpose_key(program.SAMPLE)
    images = sampling.draw(run.program.sample, carry["state"], key, run.config.sample.n)
    if jax.process_index() == 0:
        image = pictures.picture(images)
        with run.log.sparing("pictures"):
            pictures.save(image, run.workdir / folder.SAMPLES / f"step_{step:08}.png")
        run.log.picture(step, np.asarray(image.convert("RGB")))


def save(run: Run, carry: Carry, step: int) -> None:
    """Starts to write a checkpoint."""
    # Each is ranked by what was measured since the one before, or not at all.
    metric, run.record["metric"] = run.record["metric"], None
    # A copy: it is written while the loop goes on.
    meta = {"record": copy.deepcopy(run.record), "config": folder.to_json(run.config)}
    run.checkpoints.save(step, carry, meta, metric)


def preempted(run: Run, carry: Carry, step: int) -> int:
    """Saves and stops; the same command goes on from here."""
    carry = run.program.devices.gather(carry)
    if wrong := totals.first_nonfinite(jax.device_get(carry["totals"])):
        return diverged(run, *wrong) or DIVERGED
    save(run, carry, step)
    run.checkpoints.wait()
    run.log.say(f"saved at step {step}; run the same command to go on")
    return preemption.EXIT_CODE


def finish(run: Run, step: int) -> int:
    """Waits for the last checkpoint, and animates the grids."""
    run.checkpoints.wait()
    frames = sorted((run.workdir / folder.SAMPLES).glob("step_*.png"))
    if frames and jax.process_index() == 0:
        animation = run.workdir / "samples.gif"
        with run.log.sparing("an animation"), files.writing(animation):
            pictures.animate(frames, animation)
    skipped = run.record.get("skipped", 0)  # which older records do not count
    untaught = ", so that nothing was learned" if skipped == step else ""
    told = f" ({skipped} steps skipped{untaught})" if skipped else ""
    run.log.say(f"finished at step {step}{told}: {run.workdir}")
    return FINISHED
