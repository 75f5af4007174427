"""What a sweep would run, every arm looked at before any begins."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
from ml_collections import ConfigDict

from jaxgan import config
from jaxgan.base import errors, files
from jaxgan.config.reading import call_experiment
from jaxgan.run import encoded, plan, program, run_folder
from jaxgan.sweep import runs, sweep_folder
from jaxgan.sweep.arms import ARMS, Sweep
from jaxgan.sweep.runs import Run


@dataclasses.dataclass(frozen=True)
class Plan:
    """A sweep, ready to begin.

    Attributes:
      sweep: as the experiment has it.
      stored: what its folder's ``sweep.json`` is to hold.
      runs: all of them, in the order in which they begin.
      steps: of a run, by arm.
      bytes: that the checkpoints of a run take at most, by arm.
      measured: whether a run is evaluated when it has ended, by arm.
    """

    sweep: Sweep
    stored: dict
    runs: list[Run]
    steps: dict[str, int]
    bytes: dict[str, int]
    measured: dict[str, bool]


def make(experiment: str, workdir: Path, overrides: Sequence[str], *, smoke: bool) -> Plan:
    """Reads an experiment's sweep and makes every arm ready once.

    Args:
      experiment: the path of its file.
      workdir: the folder of the sweep.
      overrides: ``--config.FIELD=VALUE`` of all runs.
      smoke: each run is the experiment's version of seconds.

    Raises:
      UserError: naming the arm, if one cannot be run; or for a folder that holds another sweep.
    """
    # The devices are the runs' own: one process alone may hold an accelerator's memory.
    jax.config.update("jax_platforms", "cpu")
    sweep = call_experiment(experiment, "get_sweep", Sweep, "a jaxgan.sweep.Sweep")
    overrides = config.join_values(overrides)
    for text in overrides:
        if text.startswith(("--config.seed=", "--config.seeds=", "--config.arms=")):
            raise errors.UserError(f"{text}: seeds and arms are those of get_sweep()")
    sweep_folder.check(workdir, sweep_folder.describe(sweep, experiment, overrides, smoke=smoke))
    run_folder.check_place(workdir)
    found = runs.runs(sweep, workdir, experiment, overrides, smoke=smoke)
    ready = {run.arm: look_at(run) for run in found if run.seeds[0] == sweep.seeds[0]}
    apart: dict[str, str] = {}
    for arm, each in ready.items():
        same = apart.setdefault(run_folder.as_text(run_folder.to_json(each.config)), arm)
        if same != arm:
            raise errors.UserError(f"arms {same!r} and {arm!r} are one config")
    pools = [] if sweep.together != ARMS else pools_of(sweep, found, ready)
    names = [[run.arm for run in pool] for pool in pools]
    sweep_folder.check_pools(workdir, names)
    for number, pool in enumerate(pools):
        found[found.index(pool[0])] = runs.pooled(sweep, workdir, pool, number)
        found = [run for run in found if run not in pool]
    for run in found:
        if (run.place / run_folder.CONFIG).exists():
            check(run, ready[run.arm])
    return Plan(
        sweep,
        sweep_folder.describe(sweep, experiment, overrides, names, smoke=smoke),
        found,
        {arm: each.config.steps for arm, each in ready.items()},
        {arm: plan.checkpoints_size(each) for arm, each in ready.items()},
        {arm: bool(each.config.evaluation.every) for arm, each in ready.items()},
    )


def pools_of(
    sweep: Sweep, found: Sequence[Run], ready: Mapping[str, program.Program]
) -> list[list[Run]]:
    """The runs that can be lanes of one program, where there are two or more, in their order."""
    groups: list[list[Run]] = []
    for run in found:
        for group in groups:
            if alike(sweep, [group[0].arm, run.arm], ready):
                group.append(run)
                break
        else:
            groups.append([run])
    return [group for group in groups if len(group) > 1]


def alike(sweep: Sweep, arms: Sequence[str], ready: Mapping[str, program.Program]) -> bool:
    """Whether two arms differ in numbers alone, and so do their steps."""
    rest = [
        {field: value for field, value in of.items() if not runs.is_number(field, value)}
        for of in (sweep.arms[arm] for arm in arms)
    ]
    config = ready[arms[0]].config.copy_and_resolve_references()
    config.unlock()
    config.arms = tuple(" ".join(runs.numbers(sweep.arms[arm])) for arm in arms)
    try:
        return rest[0] == rest[1] and bool(program.prepare(config.lock()))
    except errors.UserError:
        return False


def check(run: Run, ready: program.Program) -> None:
    """Refuses to go on with a run that began as something else than the experiment says now.

    Raises:
      UserError: naming what differs, see ``run_folder.check``.
    """
    own = run_folder.describe(on_one_device(run), "", ready.spec, ready.autoencoder)
    run_folder.check(run.place, own)


def look_at(run: Run) -> program.Program:
    """A run made ready, on one device of this machine.

    Raises:
      UserError: naming the arm.
    """
    try:
        return program.prepare(on_one_device(run))
    except errors.UserError as error:
        raise errors.UserError(f"arm {run.arm!r}: {error}") from error


def on_one_device(run: Run) -> ConfigDict:
    """The config of a run, which need not run here."""
    experiment, *rest = run.arguments
    overrides = [each for each in rest if each != "--smoke"]
    given = [*overrides, "--config.parallel.devices=1"]
    path = experiment.removeprefix("--config=")
    smoke = len(overrides) < len(rest)
    return config.load(path, given, smoke=smoke, describe=encoded.describe)


def describe(made: Plan) -> str:
    """The arms, with what each sets, and what all of it takes."""
    lines = []
    for arm, fields in made.sweep.arms.items():
        told = ", ".join(f"{field}={value}" for field, value in fields.items()) or "as it is"
        mark = " (baseline)" if arm == made.sweep.baseline else ""
        lines.append(f"{arm}{mark}: {told}; {made.steps[arm]:,} steps")
    together = " trained together" if made.sweep.together else ""
    done = sum(run.code() == runs.FINISHED for run in made.runs)
    steps = sum(made.steps[run.arm] for run in made.runs)
    disk = sum(made.bytes[arm] for run in made.runs for arm in run.arms)
    lines += [""]
    for run in made.runs:
        if len(run.arms) > 1:
            lines.append(f"in one program: {'; '.join(run.arms)}")
    if unmeasured := [arm for arm, measured in made.measured.items() if not measured]:
        told = "; ".join(unmeasured) if len(unmeasured) < len(made.measured) else "all arms"
        lines.append(f"not measured at the end (evaluation.every=0): {told}")
    lines += [
        f"runs: {len(made.sweep.arms)} arms with seeds "
        f"{', '.join(map(str, made.sweep.seeds))}{together}, "
        f"{len(made.runs)} in all, {done} of them finished",
        f"steps: {steps:,} in all",
        f"disk: {files.amount(disk)} for checkpoints",
    ]
    return "\n".join(lines)
