"""The training loop: one, for every method. Read it from top to bottom."""

import contextlib
from pathlib import Path
from typing import Any

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jaxgan import data, evaluation
from jaxgan.base import errors, files, preemption, processes
from jaxgan.run import checkpoint, drawing, feed, pauses, program, run_folder
from jaxgan.run.pauses import Run
from jaxgan.run.program import Carry
from jaxgan.watch import alarms, log, pictures, totals

FINISHED, DIVERGED = 0, 3
# Where the loop waits for the device.
PAUSES = ("log", "evaluation", "sample", "checkpoint")


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
    begins = not checkpoint.steps(workdir / run_folder.CHECKPOINTS)
    ready = program.prepare(config, splits=splits, begins=begins)
    sources = splits.sources()
    shown = drawing.choose(ready, splits)
    checkpoint.require_space(workdir, ready.bytes)
    run_folder.check_place(workdir)
    evaluator = None
    if config.evaluation.every:
        evaluator = evaluation.open_evaluator(
            config, "select", ready.method.conditions, splits, mesh=ready.devices.mesh
        )
    run_folder.create(workdir)
    primary = jax.process_index() == 0
    with run_folder.locked(workdir) if primary else contextlib.nullcontext():
        stored = run_folder.describe(config, experiment, ready.spec)
        run_folder.check(workdir, stored)
        checkpoints_at = workdir / run_folder.CHECKPOINTS
        restored = checkpoint.restore(
            checkpoints_at, ready.template, aside=workdir / run_folder.DAMAGED
        )
        processes.barrier("restored")
        if primary:
            run_folder.claim(workdir, stored)
        checkpoints = checkpoint.open_to_write(
            checkpoints_at,
            keep=config.checkpoint.keep,
            needed=ready.bytes,
            best=bool(config.checkpoint.best),
            best_mode=config.checkpoint.best_mode,
        )
        writer = log.Log(workdir / run_folder.METRICS, config.steps, ready.batch)
        run = Run(ready, workdir, checkpoints, writer, pauses.start_record(), evaluator, shown)
        try:
            return follow(run, sources, restored)
        except files.WriteError as error:
            raise failure(run, error) from error
        finally:
            writer.close()
            checkpoints.close()


def failure(run: Run, error: files.WriteError) -> errors.UserError:
    """What a run says that cannot go on, with what it has left."""
    # One that is under way may yet be whole.
    with contextlib.suppress(errors.UserError):
        run.checkpoints.wait()
    left = pauses.left(run)
    return errors.UserError(f"{error}; {left}; make room and run the same command again")


def follow(run: Run, sources: feed.Sources, restored: checkpoint.Restored | None) -> int:
    """Runs the loop, from the start or a checkpoint, as often as it is rolled back."""
    state = run.program.shapes["state"]
    for name, net in state.nets.items():
        table = parameter_overview.get_parameter_overview(net.params, include_stats=False)
        run.log.say(f"{name}:\n{table}")
    notes = [f"data: {note}" for note in data.label_warnings(sources["image"])]
    if run.evaluator is not None:
        notes += [f"evaluation: {note}" for note in run.evaluator.notes]
    for note in notes:
        run.log.warn(note)
    dataset = run.program.dataset(sources)
    while True:
        carry, step = begin(run, restored)
        # Closed here, however the loop ends: a traceback would keep its threads alive.
        with contextlib.closing(run.program.batches(sources, step)) as batches:
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
        carry, step, run.record = run.program.start(), 0, pauses.start_record()
    else:
        carry, step, run.record = restored.tree, restored.step, restored.meta["record"]
        run.log.say(f"going on from step {step}")
    # Those before the checkpoint are in its optimizers already.
    again = rollbacks - run.record["rollbacks"]
    if again > 0:
        factor = run.config.health.factor**again
        carry = pauses.rescale(run, carry, factor)
        run.record["rollbacks"] = rollbacks
        run.log.say(f"rolled back to step {step}, learning rates times {factor:g}")
    if jax.process_index() == 0:
        log.truncate(run.log.path, step)
    run.log.close()
    if run.config.log.tensorboard:
        run.log.open_board(run.workdir, step + 1 if restored else 0)
    return carry, step


def loop(run: Run, carry: Carry, step: int, dataset: Any, batches: data.Stream) -> int | None:
    """From ``step`` to the end, on the ``batches`` of these steps.

    Returns:
      An exit code, or ``None`` to be rolled back to the last checkpoint.
    """
    config, ready = run.config, run.program
    if step == 0:
        pauses.sample(run, carry, step)
    run.log.clock(step)
    while step < config.steps and not run.record["stopped"]:
        if preemption.requested(step):
            return preempted(run, carry, step)
        now, k = ready.at(step), config.steps_per_call
        if 1 < k <= next_pause(config, step) - step and ready.at(step + k - 1) is now:
            several = tuple(next(batches) for _ in range(k))
            carry = now.several(carry, dataset, several, ready.key)
            step += k
        else:
            carry = now.step(carry, dataset, next(batches), ready.key)
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
            carry = pauses.decide(run, carry, step, line, counted["sums"])
        if "evaluation" in due and run.evaluator is not None:
            with pauses.saving_first(run, carry, step):
                line = pauses.evaluate(run, carry, step, run.evaluator)
            carry = pauses.decide(run, carry, step, line, pauses.evaluated_before(run))
        if "sample" in due or run.record["stopped"]:
            pauses.sample(run, carry, step)
        if "checkpoint" in due or run.record["stopped"]:
            pauses.save(run, carry, step)
    return finish(run, step)


def next_pause(config: ConfigDict, step: int) -> int:
    """The first step after ``step`` after which something is due."""
    every = [config[name].every for name in PAUSES if config[name].every]
    return min([config.steps, *(step - step % n + n for n in every)])


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
    run.log.warn(f"stopped: {told}; {pauses.left(run)}")
    return DIVERGED


def preempted(run: Run, carry: Carry, step: int) -> int:
    """Saves and stops; the same command goes on from here."""
    carry = run.program.devices.gather(carry)
    if wrong := totals.first_nonfinite(jax.device_get(carry["totals"])):
        return diverged(run, *wrong) or DIVERGED
    pauses.save(run, carry, step)
    run.checkpoints.wait()
    run.log.say(f"saved at step {step}; run the same command to go on")
    return preemption.EXIT_CODE


def finish(run: Run, step: int) -> int:
    """Waits for the last checkpoint, and animates the grids."""
    run.checkpoints.wait()
    frames = sorted((run.workdir / run_folder.SAMPLES).glob(f"{drawing.GRID}_*.png"))
    if frames and jax.process_index() == 0:
        animation = run.workdir / "samples.gif"
        with run.log.sparing("an animation"), files.writing(animation):
            pictures.animate(frames, animation)
    skipped = run.record.get("skipped", 0)  # which older records do not count
    untaught = ", so that nothing was learned" if skipped == step else ""
    told = f" ({skipped} steps skipped{untaught})" if skipped else ""
    run.log.say(f"finished at step {step}{told}: {run.workdir}")
    return FINISHED
