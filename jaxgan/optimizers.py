"""Optax optimizers and schedules by name, from a config."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import optax

from jaxgan import errors


def _named(suitable: Callable[[str, inspect.Signature], bool]) -> dict[str, Callable]:
    return {
        name: value
        for name, value in vars(optax).items()
        if inspect.isfunction(value) and not name.startswith("_")
        if suitable(name, inspect.signature(value))
    }


def known() -> dict[str, Callable]:
    """Optax's optimizers: its functions of a learning rate."""
    return _named(lambda _, signature: "learning_rate" in signature.parameters)


def schedules() -> dict[str, Callable]:
    """Optax's schedules, by the ending of their names."""
    return _named(lambda name, _: name.endswith("schedule"))


def defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers and switches an optimizer has beside those that ``config`` sets.

    Raises:
      UserError: for an unknown optimizer, schedule or argument.
    """
    if "name" not in config:
        raise errors.UserError("an optimizer needs a name, e.g. {'name': 'adam'}")
    if config["name"] not in known():
        raise errors.unknown("optimizer", config["name"], known())
    parameters = inspect.signature(known()[config["name"]]).parameters
    for key in set(config) - {"name", "schedule"} - set(parameters):
        raise errors.unknown(f"argument of optimizer {config['name']!r}", key, parameters)
    if "learning_rate" not in config:
        raise errors.UserError(f"optimizer {config['name']!r} needs a learning_rate")
    schedule = config.get("schedule") or {}
    if schedule:
        if schedule.get("name") not in schedules():
            raise errors.unknown("schedule", str(schedule.get("name")), schedules())
        arguments = inspect.signature(schedules()[schedule["name"]]).parameters
        for key in set(schedule) - {"name"} - set(arguments):
            raise errors.unknown(f"argument of schedule {schedule['name']!r}", key, arguments)
    return {
        k: p.default
        for k, p in parameters.items()
        if k not in config and isinstance(p.default, bool | int | float)
    }


def build(config: Mapping[str, Any]) -> optax.GradientTransformation:
    """The optimizer of ``{'name', 'learning_rate', ..., 'schedule': {'name', ...}}``.

    The learning rate is ``learning_rate`` times the schedule's value at the number of updates so
    far, so that a schedule is a shape (from 1 to 0, say) and works for any rate.

    Raises:
      UserError: for an unknown name or argument.
    """
    defaults(config)
    arguments = {k: v for k, v in config.items() if k not in ("name", "schedule")}
    schedule = dict(config.get("schedule") or {})
    if schedule:
        rate = float(arguments["learning_rate"])
        try:
            shape = schedules()[schedule.pop("name")](**schedule)
        except (TypeError, ValueError) as error:
            raise errors.UserError(f"schedule of optimizer {config['name']!r}: {error}") from error
        arguments["learning_rate"] = lambda count: rate * shape(count)
    try:
        return known()[config["name"]](**arguments)
    except (TypeError, ValueError) as error:
        raise errors.UserError(f"optimizer {config['name']!r}: {error}") from error
