"""Optax optimizers and schedules by name, from a config."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import optax

from jaxgan.base import errors

Change = Callable[[Any, Any], Any]
REQUIRED = inspect.Parameter.empty


@cache
def known() -> dict[str, Callable]:
    """Optax's optimizers: its functions of a learning rate."""
    found = _functions(optax, "scale_by_")
    return {name: make for name, make in found.items() if "learning_rate" in parameters(make)}


@cache
def schedules() -> dict[str, Callable]:
    """Optax's schedules, but for those made of other schedules."""
    return _functions(optax.schedules, "inject_", "join_")


def _functions(module: Any, *not_these: str) -> dict[str, Callable]:
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith(("_", *not_these))
    }


def parameters(make: Callable) -> dict[str, Any]:
    """The arguments of an optimizer or a schedule, each with its default or ``REQUIRED``."""
    return {p.name: p.default for p in inspect.signature(make).parameters.values()}


def find(kind: str, name: str) -> Callable:
    """The ``'optimizer'`` or ``'schedule'`` of that name.

    Raises:
      UserError: naming the nearest one.
    """
    choices = known() if kind == "optimizer" else schedules()
    if name not in choices:
        raise errors.unknown(kind, str(name), choices)
    return choices[name]


def defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """What an optimizer has beside what ``config`` sets: its other arguments, and a schedule.

    Raises:
      UserError: for an unknown optimizer, schedule or argument, or a learning rate that is none.
    """
    if "name" not in config:
        raise errors.UserError("an optimizer needs a name, e.g. {'name': 'adam'}")
    schedule = dict(config.get("schedule") or {"name": ""})
    found = _unset("optimizer", {k: v for k, v in config.items() if k != "schedule"})
    if schedule.get("name") != "" or len(schedule) > 1:
        schedule |= _unset("schedule", schedule)
    rate = config.get("learning_rate")
    if rate is None:
        raise errors.UserError(f"optimizer {config['name']!r} needs a learning_rate")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < math.inf:
        raise errors.UserError(f"learning_rate must be a number of at least 0, not {rate!r}")
    return {**found, "schedule": schedule}


def _unset(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that ``config`` leaves at their defaults; ``None`` for a required one."""
    arguments = parameters(find(kind, config.get("name", "")))
    for key in set(config) - {"name"} - set(arguments):
        raise errors.unknown(f"argument of {kind} {config['name']!r}", key, arguments)
    found = {k: None if v is REQUIRED else v for k, v in arguments.items() if k not in config}
    # The others are functions, dtypes and trees, which no config can hold.
    return {
        k: v
        for k, v in found.items()
        if isinstance(v, bool | int | float | str) or (v is None and not k.endswith("mask"))
    }


def build(
    config: Mapping[str, Any], changing: Mapping[str, Change] | None = None
) -> optax.GradientTransformation:
    """The optimizer of ``{'name', 'learning_rate', ..., 'schedule': {'name', ...}}``.

    The learning rate is ``learning_rate`` times the schedule's value at the number of updates so
    far, so that a schedule is a shape (from 1 to 0, say) and works for any rate.

    Args:
      config: see above.
      changing: arguments that change, each with ``(value in the config, updates) -> value``.

    Raises:
      UserError: for an unknown name or argument, or a missing one.
    """
    schedule = defaults(config)["schedule"]
    arguments = {k: v for k, v in config.items() if k not in ("name", "schedule")}
    if schedule["name"]:
        rate, shape = float(arguments["learning_rate"]), build_schedule(schedule)
        arguments["learning_rate"] = lambda count: rate * shape(count)
    make = known()[config["name"]]
    if changing:
        make = optax.inject_hyperparams(make)
        arguments |= {name: _change(arguments[name], by) for name, by in changing.items()}
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        told = errors.describe(error)
        raise errors.UserError(f"optimizer {config['name']!r}: {told}") from error


def _change(value: Any, by: Change) -> optax.Schedule:
    return lambda count: by(value(count) if callable(value) else value, count)


def build_schedule(config: Mapping[str, Any]) -> optax.Schedule:
    """The schedule of ``{'name', ...}``.

    Raises:
      UserError: for an unknown name or argument, or a missing one.
    """
    make = find("schedule", config["name"])
    missing = [k for k, v in parameters(make).items() if v is REQUIRED and config.get(k) is None]
    if missing:
        raise errors.UserError(f"schedule {config['name']!r} needs {', '.join(missing)}")
    arguments = {
        # JSON has made text of the steps that are keys.
        k: {int(step): scale for step, scale in v.items()} if hasattr(v, "items") else v
        for k, v in config.items()
        if k != "name"
    }
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        told = errors.describe(error)
        raise errors.UserError(f"schedule {config['name']!r}: {told}") from error
