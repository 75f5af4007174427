"""The last stage: contradictions between common fields."""

from ml_collections import ConfigDict

from jaxgan.base import errors
from jaxgan.config.fields import get
from jaxgan.config.lanes import count


def check(config: ConfigDict) -> None:
    """Refuses contradictions between common fields.

    Raises:
      UserError: listing all of them.
    """
    problems = [text for wrong, text in rules(config) if wrong]
    if problems:
        raise errors.UserError("; ".join(problems))


def rules(config: ConfigDict) -> list[tuple[bool, str]]:
    """Each rule: whether it is broken, and what to say then."""
    choices = {
        "precision": ("float32", "bfloat16"),
        "data.placement": ("device", "stream"),
        "data.bad_images": ("error", "skip"),
        "data.direction": ("AtoB", "BtoA"),
        "parallel.mode": ("jit", "pmap"),
        "evaluation.labels": ("reference", "uniform"),
        "evaluation.extractor": ("none", "domain", "inception"),
        "evaluation.resize": ("tf1", "antialiased"),
        "checkpoint.best_mode": ("min", "max"),
        "early_stopping.mode": ("min", "max"),
        "reduce_on_plateau.mode": ("min", "max"),
        "health.on_nonfinite": ("stop", "rollback", "skip"),
    }
    least = {
        "seed": 0,
        "seeds": 1,
        "steps": 1,
        "batch_size": 1,
        "steps_per_call": 1,
        "accumulate": 1,
        "log.every": 1,
        "sample.every": 0,
        "sample.n": 1,
        "checkpoint.every": 0,
        "checkpoint.keep": 1,
        "evaluation.every": 0,
        "evaluation.n": 2,
        "evaluation.batch_size": 1,
        "evaluation.recalibrate": 0,
        "alarms.window": 2,
        "early_stopping.patience": 1,
        "reduce_on_plateau.patience": 1,
        "early_stopping.min_delta": 0,
        "reduce_on_plateau.min_delta": 0,
        "health.max_rollbacks": 0,
        "parallel.devices": 0,
    }
    # What the random keys and the step counter can hold.
    most = {"seed": 2**32 - 1, "steps": 2**31 - 1}
    found = []
    for field, allowed in choices.items():
        value = get(config, field)
        text = f"config.{field} must be one of {', '.join(allowed)}, not {value!r}"
        found.append((value not in allowed, text))
    for field, bound in least.items():
        value = get(config, field)
        found.append((value < bound, f"config.{field} must be at least {bound}, not {value}"))
    for field, bound in most.items():
        value = get(config, field)
        found.append((value > bound, f"config.{field} must be at most {bound}, not {value}"))
    for field in ("health.factor", "reduce_on_plateau.factor"):
        value = get(config, field)
        found.append((not 0 < value < 1, f"config.{field} must be between 0 and 1, not {value}"))
    for field in (f"alarms.{name}" for name in config.alarms if name != "window"):
        value = get(config, field)
        found.append((not 0 <= value < 1, f"config.{field} must be in [0, 1), not {value}"))
    last = config.seed + config.seeds - 1
    found.append((last > most["seed"], f"config.seeds reach to {last}, over {most['seed']}"))
    asked = f"config.arms={config.arms}" if config.arms else f"config.seeds={config.seeds}"
    found.append((len(config.arms) == 1, f"{asked}: one arm is none, set its fields instead"))
    for wrong, what in (
        (config.parallel.mode == "pmap", "config.parallel.mode='jit'"),
        (config.parallel.shard_parameters, "config.parallel.shard_parameters=False"),
        (config.health.on_nonfinite == "rollback", "config.health.on_nonfinite='stop' or 'skip'"),
        (config.early_stopping.metric, "config.early_stopping.metric=''"),
        (config.reduce_on_plateau.metric, "config.reduce_on_plateau.metric=''"),
    ):
        text = f"{asked}: many runs in one program need {what}"
        found.append((count(config) > 1 and bool(wrong), text))
    cut = config.parallel.mode == "pmap" and config.parallel.shard_parameters
    found.append((cut, "config.parallel.shard_parameters needs config.parallel.mode='jit'"))
    every, saved = config.evaluation.every, config.checkpoint.every
    ranked = config.checkpoint.best.startswith("eval/") and every and saved
    text = (
        f"config.checkpoint.best={config.checkpoint.best!r} ranks the checkpoints of evaluated "
        f"steps: evaluation.every {every} must be a multiple of checkpoint.every {saved}"
    )
    found.append((bool(ranked and every % saved), text))
    return found
