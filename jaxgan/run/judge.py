"""``--mode=evaluate``: what the checkpoints of a run are worth, on data that chose none of them."""

from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan import evaluation
from jaxgan.base import errors
from jaxgan.base.files import Place
from jaxgan.evaluation.protocol import Result
from jaxgan.run import checkpoint, contract, lane_folders, program, run_folder, sampling, trained

# The final figure may be this much worse than the best one before the gap is told.
WIDE = 1.25


def one_step(workdir: Place, asked: int | str | None) -> int | None:
    """The step that ``--step`` asks for: ``'best'``, or a number, or the newest (``None``).

    Raises:
      UserError: if no checkpoint was ranked, or all are asked for.
    """
    if asked == "all":
        raise errors.UserError("--step=all is for --mode=evaluate; samples are of one step")
    if asked != "best":
        return asked if isinstance(asked, int) else None
    return next(iter(steps_to_evaluate(workdir, "best")))


def steps_to_evaluate(workdir: Place, asked: int | str | None) -> dict[int, str]:
    """The steps to evaluate, each with what it is to the run.

    Args:
      workdir: of the run.
      asked: a step, ``'best'``, ``'all'``, or ``None`` for the final and the best one.

    Raises:
      UserError: if there is no such checkpoint, or none was ranked.
    """
    workdir = Path(workdir)
    directory = lane_folders.checkpoints(workdir)
    found, best = checkpoint.steps(directory), best_step(workdir)
    if not found:
        raise errors.UserError(f"there is no checkpoint in {workdir} yet")
    if asked == "best" and best is None:
        raise errors.UserError(
            f"no checkpoint in {workdir} was ranked: "
            "train with --config.checkpoint.best=eval/FIGURE"
        )
    roles = dict.fromkeys(found, "")
    roles[found[-1]] = "final"
    if best is not None:
        roles[best] = "final and best" if best == found[-1] else "best"
    if asked == "all":
        return roles
    if isinstance(asked, int):
        return {asked: roles.get(asked, "")}
    wanted = {best} if asked == "best" else {step for step in found if roles[step]}
    return {step: roles[step] for step in found if step in wanted}


def best_step(workdir: Place) -> int | None:
    """The step that was ranked first of those that are kept, or ``None`` if none was."""
    workdir = Path(workdir)
    ranked = checkpoint.metrics(lane_folders.checkpoints(workdir))
    if not ranked:
        return None
    mode = run_folder.read_config(workdir).get("checkpoint", {}).get("best_mode", "min")
    choose = max if mode == "max" else min
    return choose(ranked, key=lambda step: ranked[step])


def evaluate(
    workdir: Place, asked: int | str | None, settings: ConfigDict | None, n: int | None
) -> str:
    """Measures checkpoints on the report part, writes each result down, and describes them.

    Args:
      workdir: of the run; of one of several seeds, each of them is measured.
      asked: see ``steps_to_evaluate``.
      settings: instead of the config stored in the folder, see ``trained.load``.
      n: samples to generate, instead of ``config.evaluation.n``.

    Raises:
      UserError: if a checkpoint or what the config names cannot be used.
    """
    check_count(n)
    workdir = Path(workdir)
    if (lanes := lane_folders.read(workdir)) != [workdir]:
        each = ((lane.relative_to(workdir), lane) for lane in lanes)
        return "\n\n".join(f"{x}\n{evaluate(lane, asked, settings, n)}" for x, lane in each)
    roles = steps_to_evaluate(workdir, asked)
    evaluator, results, texts = None, {}, []
    for step, role in roles.items():
        model = trained.load(workdir, step, settings, devices=0)
        if evaluator is None:
            contract.check_comparable(model.method, f"method {model.config.method.name!r}")
            trained.warn_of_other_data(workdir, model)
            config, mesh = model.config.copy_and_resolve_references(), model.program.devices.mesh
            config.evaluation.n = n or config.evaluation.n
            evaluator = evaluation.open_evaluator(
                config, "report", model.method.conditions, mesh=mesh
            )
        key = model.program.purpose_key(program.EVALUATE)
        result = evaluator.measure(sampling.subject(model.program, model.state), key, step)
        result["checkpoint"] = role
        results[step] = result
        write(result, workdir)
        texts.append(evaluation.describe(result))
    ranking = run_folder.read_config(workdir)["checkpoint"]
    return "\n\n".join(texts + gaps(results, ranking))


def check_count(n: int | None) -> None:
    """Refuses so few samples that they have no deviation.

    Raises:
      UserError: if n is less than 2.
    """
    if n is not None and n < 2:
        raise errors.UserError(f"the number of samples must be at least 2, not {n}")


def write(result: Result, workdir: Place) -> None:
    """Writes a result to the run's folder.

    Raises:
      UserError: if it cannot be written.
    """
    if jax.process_index() != 0:
        return
    evaluation.write(result, Path(workdir) / run_folder.EVALUATION)


def gaps(results: dict[int, Result], ranking: dict[str, Any]) -> list[str]:
    """A line on the final checkpoint beside the one that was chosen.

    Args:
      results: by step.
      ranking: the config's ``checkpoint``.
    """
    by_role = {result["checkpoint"]: result for result in results.values()}
    name = ranking["best"].removeprefix(evaluation.LOGGED)
    pair = [by_role[role]["figures"].get(name) for role in ("final", "best") if role in by_role]
    if len(pair) < 2 or None in pair:
        return []
    final, best = (figure["value"] for figure in pair)
    worse = best / final if ranking["best_mode"] == "max" else final / best
    told = f"{name}: {final:.4g} at the end, {best:.4g} at the best checkpoint"
    return [told + (f": a wide gap, {worse:.2f} times" if worse > WIDE else "")]
