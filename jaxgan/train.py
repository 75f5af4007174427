"""The training loop: one, for every method. Read it from top to bottom."""

import contextlib
from pathlib import Path
from typing import Any

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jaxgan import data, evaluation
from jaxgan.base import environment, errors, files, liveness, preemption
from jaxgan.run import checkpoint, drawing, encoded, feed, lane_folders, pauses, program, run_folder
from jaxgan.run.pauses import Run
from jaxgan.run.program import Carry
from jaxgan.watch import alarms, log, pictures, totals, wandb

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
    wandb.check(config)
    # All that can be wrong with the input comes first: then nothing has been written.
    splits = data.Splits(config.data)
    trained_on = encoded.of(config, splits)
    begins = not checkpoint.steps(workdir / run_folder.CHECKPOINTS)
    ready = program.prepare(config, splits=trained_on, begins=begins)
    splits.sources()
    shown = drawing.choose(ready, splits)
    checkpoint.require_space(workdir, ready.bytes)
    run_folder.check_place(workdir)
    evaluator = None
    if config.evaluation.every:
        evaluator = evaluation.open_evaluator(
            config, "select", ready.method.conditions, splits, mesh=ready.devices.of_one.mesh
        )
    run_folder.create(workdir)
    primary = jax.process_index() == 0
    with run_folder.locked(workdir) if primary else contextlib.nullcontext():
        stored = run_folder.describe(config, experiment, ready.spec, ready.autoencoder)
        stored[run_folder.HARDWARE] = environment.hardware(list(ready.devices.mesh.devices.flat))
        run_folder.check(workdir, stored)
        sources = trained_on.sources()  # what takes long to encode is of a run that may go on
        checkpoints_at = workdir / run_folder.CHECKPOINTS
        restored = checkpoint.restore(
            checkpoints_at, ready.template, aside=workdir / run_folder.DAMAGED
        )
        liveness.barrier("restored")
        if primary:
            run_folder.claim(workdir, stored)
            if len(ready.lanes) > 1:
                claim_lanes(ready, workdir, stored)
        checkpoints = checkpoint.open_to_write(
            checkpoints_at,
            keep=config.checkpoint.keep,
            needed=ready.bytes,
            best=bool(config.checkpoint.best),
            best_mode=config.checkpoint.best_mode,
        )
        writer = log.Log(workdir / run_folder.METRICS, config.steps, ready.batch)
        run = Run(ready, workdir, checkpoints, writer, pauses.start_record(), evaluator, shown)
        if len(ready.lanes) > 1:
            places = lane_folders.places(workdir, stored)
            run.seeds = [
                pauses.of_lane(run, own, place)
                for own, place in zip(ready.lanes, places, strict=True)
            ]
        try:
            return follow(run, sources, restored)
        except files.WriteError as error:
            raise failure(run, error) from error
        finally:
            for each in run.lanes:
                each.log.close()
            checkpoints.close()


def claim_lanes(ready: program.Program, workdir: files.Place, stored: dict[str, Any]) -> None:
    """Makes a folder for each lane, which says whose it is.

    Raises:
      UserError: if one cannot be written.
    """
    workdir = Path(workdir)
    places = lane_folders.places(workdir, stored)
    for index, (lane, place) in enumerate(zip(ready.lanes, places, strict=True)):
        which = lane_folders.describe(workdir, place, index, len(places))
        run_folder.claim(place, {**stored, **run_folder.to_json(lane.config), **which})


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
        carry, step = run.program.start(), 0
        records = [pauses.start_record() for _ in run.lanes]
    else:
        carry, step, found = restored.tree, restored.step, restored.meta["record"]
        records = found if run.seeds else [found]
        run.log.say(f"going on from step {step}")
    for lane, record in zip(run.lanes, records, strict=True):
        lane.record = record
    # Those before the checkpoint are in its optimizers already.
    again = rollbacks - run.record["rollbacks"]
    if again > 0:
        factor = run.config.health.factor**again
        carry = pauses.rescale(run, carry, factor)
        run.record["rollbacks"] = rollbacks
        run.log.say(f"rolled back to step {step}, learning rates times {factor:g}")
    for lane in run.lanes:
        if jax.process_index() == 0:
            log.truncate(lane.log.path, step)
        lane.log.close()
        lane.log.open_trackers(lane.workdir, lane.config, step + 1 if restored else 0)
    return carry, step


def loop(run: Run, carry: Carry, step: int, dataset: Any, batches: data.Stream) -> int | None:
    """From ``step`` to the end, on the ``batches`` of these steps.

    Returns:
      An exit code, or ``None`` to be rolled back to the last checkpoint.
    """
    config, ready = run.config, run.program
    for i, lane in pauses.going(run):
        if step == 0:
            pauses.sample(lane, pauses.state_of(run, carry, i), step)
        lane.log.clock(step)
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
        if wrong := gone_wrong(run, counted):
            return diverged(run, *wrong)
        if "log" in due:
            carry = logged(run, carry, step, counted)
        evaluator = run.evaluator if "evaluation" in due else None
        looked_at = evaluator is not None or "sample" in due or run.record["stopped"]
        for i, lane in pauses.going(run) if looked_at else ():
            state = pauses.state_of(run, carry, i)
            if evaluator is not None:
                with pauses.saving_first(run, carry, step):
                    line = pauses.evaluate(lane, state, step, evaluator)
                carry = pauses.decide(lane, carry, step, line, pauses.evaluated_before(lane))
            if "sample" in due or run.record["stopped"]:
                pauses.sample(lane, state, step)
        if "checkpoint" in due or run.record["stopped"]:
            pauses.save(run, carry, step)
    return finish(run, step)


def gone_wrong(run: Run, counted: totals.Totals) -> tuple[int, str] | None:
    """The step and the player that a run cannot go on from; of several seeds, if none can.

    One that has diverged is left out from there on.
    """
    if run.config.health.on_nonfinite == "skip":
        return None
    found = [totals.first_nonfinite(own) for own in pauses.apart(run, counted)]
    for lane, wrong in zip(run.seeds, found, strict=bool(run.seeds)):
        if wrong:
            pauses.leave_out(lane, wrong[0], nonfinite(*wrong))
    return found[0] if all(found) else None


def logged(run: Run, carry: Carry, step: int, counted: totals.Totals) -> Carry:
    """Logs a line of each seed; the carry counts anew, and is what alarms and callbacks made it."""
    carry = carry | {"totals": run.program.fresh_totals(counted)}
    each = pauses.apart(run, counted)
    for i, lane in pauses.going(run):
        line = totals.means(each[i])
        lane.log.train(step, line)
        lane.record["skipped"] = lane.record.get("skipped", 0) + line.get("skipped", 0)
        line = line | {alarms.SKIPPED: totals.skipped_share(each[i])}
        carry = pauses.decide(lane, carry, step, line, each[i]["sums"])
    return carry


def nonfinite(step: int, name: str) -> str:
    """What there is to say of a player that is not finite."""
    return f"non-finite loss or parameter of {name!r} at step {step}"


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
    told = nonfinite(step, name)
    if health.on_nonfinite == "rollback" and run.record["rollbacks"] < health.max_rollbacks:
        run.log.say(told)
        return None
    run.checkpoints.wait()
    run.log.warn(f"stopped: {told}; {pauses.left(run)}")
    return DIVERGED


def preempted(run: Run, carry: Carry, step: int) -> int:
    """Saves and stops; the same command goes on from here."""
    carry = run.program.devices.gather(carry)
    if wrong := gone_wrong(run, jax.device_get(carry["totals"])):
        return diverged(run, *wrong) or DIVERGED
    pauses.save(run, carry, step)
    run.checkpoints.wait()
    run.log.say(f"saved at step {step}; run the same command to go on")
    return preemption.EXIT_CODE


def finish(run: Run, step: int) -> int:
    """Waits for the last checkpoint, and animates the grids."""
    run.checkpoints.wait()
    for lane in run.lanes:
        animate(lane)
    skipped = sum(lane.record.get("skipped", 0) for lane in run.lanes)  # older ones count none
    untaught = ", so that nothing was learned" if skipped == step * len(run.lanes) else ""
    told = f" ({skipped} steps skipped{untaught})" if skipped else ""
    run.log.say(f"finished at step {step}{told}: {run.workdir}")
    return FINISHED


def animate(run: Run) -> None:
    """Makes an animation of the grids of samples."""
    frames = sorted((run.workdir / run_folder.SAMPLES).glob(f"{drawing.GRID}_*.png"))
    if frames and jax.process_index() == 0:
        animation = run.workdir / "samples.gif"
        with run.log.sparing("an animation"), files.writing(animation):
            pictures.animate(frames, animation)
