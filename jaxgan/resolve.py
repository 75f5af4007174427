"""From names to what they name: fills in a config's method fields, checks it, builds the method.

What the config names is what runs (law 7): after this every field of the method, its networks and
its optimizers stands in the config, so that each can be set, saved and compared.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan import data, errors, method, networks, optimizers

GIVEN = ("axis_name",)  # set by `parallel`, not by the user


def fill_method(config: ConfigDict) -> None:
    """Adds the defaults of the method's, its networks' and its optimizers' fields to the config.

    Raises:
      UserError: for an unknown method, network, optimizer or field of one.
    """
    section = config.method
    if not section.get("name"):
        raise errors.UserError("config.method.name is not set")
    cls = method.find(section.name)
    known = {f.name: f for f in dataclasses.fields(cls) if f.name not in GIVEN}
    for key in set(section) - {"name"} - set(known):
        raise errors.unknown(f"field of method {section.name!r}", key, known)
    with section.unlocked():
        for key, field in known.items():
            if key not in section and field.default is not dataclasses.MISSING:
                section[key] = field.default
            if key in section and isinstance(section[key], ConfigDict):
                fill_part(key, section[key])


def fill_part(key: str, part: ConfigDict) -> None:
    """Adds the defaults of an optimizer's or a network's fields."""
    if key.endswith("optimizer"):
        found = optimizers.defaults(part)
    else:
        fields = networks.fields(networks.find(key, part))
        found = {
            name: field.default
            for name, field in fields.items()
            if name not in part and name not in GIVEN
            if field.default is not dataclasses.MISSING and not callable(field.default)
        }
    for name, value in found.items():
        part[name] = value


def fill_from_data(config: ConfigDict) -> None:
    """Sets the method's ``shape`` and ``num_classes``, where it has them, to the dataset's.

    Raises:
      UserError: if the dataset is not there, or the method needs labels and it has none.
    """
    spec = data.describe(config.data)
    section = config.method
    fields = {f.name for f in dataclasses.fields(method.find(section.name))}
    with section.unlocked():
        if "shape" in fields:
            if "shape" in section and tuple(section.shape) != tuple(spec.shape):
                raise errors.UserError(
                    f"config.method.shape is {tuple(section.shape)}, but {config.data.name} has "
                    f"samples of shape {tuple(spec.shape)}; leave it out"
                )
            section.shape = tuple(spec.shape)
        if "num_classes" in fields:
            if not spec.num_classes:
                raise errors.UserError(
                    f"method {section.name!r} needs labels, and {config.data.name} has none"
                )
            section.num_classes = spec.num_classes


def build(config: ConfigDict, axis_name: str | None = None) -> Any:
    """The method of a completed config.

    Raises:
      UserError: with the method's own reason, if its fields contradict each other.
    """
    section = plain(config.method)
    name = section.pop("name")
    try:
        return method.find(name)(**section, axis_name=axis_name)
    except (TypeError, ValueError) as error:
        raise errors.UserError(f"method {name!r}: {error}") from error


def plain(value: Any) -> Any:
    """Plain dictionaries and tuples instead of config groups and lists."""
    if isinstance(value, ConfigDict | Mapping):
        return {k: plain(v) for k, v in value.items()}
    return tuple(plain(v) for v in value) if isinstance(value, tuple | list) else value


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
        "data.placement": ("device", "stream"),
        "data.bad_images": ("error", "skip"),
        "parallel.mode": ("jit", "pmap"),
        "checkpoint.best_mode": ("min", "max"),
        "early_stopping.mode": ("min", "max"),
        "reduce_on_plateau.mode": ("min", "max"),
        "health.on_nonfinite": ("stop", "rollback", "skip"),
    }
    least = {
        "seed": 0,
        "steps": 1,
        "batch_size": 1,
        "log.every": 1,
        "sample.every": 0,
        "sample.n": 1,
        "checkpoint.every": 0,
        "checkpoint.keep": 1,
        "evaluation.every": 0,
        "evaluation.n": 2,
        "early_stopping.patience": 1,
        "reduce_on_plateau.patience": 1,
        "parallel.devices": 0,
    }
    found = []
    for field, allowed in choices.items():
        value = get(config, field)
        text = f"config.{field} must be one of {', '.join(allowed)}, not {value!r}"
        found.append((value not in allowed, text))
    for field, bound in least.items():
        value = get(config, field)
        found.append((value < bound, f"config.{field} must be at least {bound}, not {value}"))
    for field in ("health.factor", "reduce_on_plateau.factor"):
        value = get(config, field)
        found.append((not 0 < value < 1, f"config.{field} must be between 0 and 1, not {value}"))
    return found


def get(config: ConfigDict, field: str) -> Any:
    """The value of a dotted field."""
    node: Any = config
    for part in field.split("."):
        node = node[part]
    return node
