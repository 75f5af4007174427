"""From names to what they name: fills in a config's method fields, checks it, builds the method.

What the config names is what runs (law 7): after this every field of the method, its networks and
its optimizers stands in the config, so that each can be set, saved and compared.
"""

import collections.abc
import contextlib
import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan import data, errors, networks, optimizers, variants
from jaxgan.lookup import Field
from jaxgan.method import Method


def fill_method(config: ConfigDict) -> None:
    """Adds the defaults of the method's, its networks' and its optimizers' fields to the config.

    Raises:
      UserError: for an unknown method, network, optimizer or field of one, or a wrong type.
    """
    section = config.method
    if not section.get("name"):
        choices = ", ".join(variants.names())
        raise errors.UserError(f"config.method.name is not set; known: {choices}")
    known = variants.fields(variants.find(section.name))
    for key in set(section) - {"name"} - set(known):
        raise errors.unknown(f"field of method {section.name!r}", key, known)
    fill_fields("method", section, known)
    for key, part in section.items():
        if key == "name" or not isinstance(part, ConfigDict):
            continue
        kind: Any = known[key].kind
        if dataclasses.is_dataclass(kind):
            fill_group(f"method.{key}", part, variants.fields(kind))
        elif key.endswith("optimizer"):
            fill_optimizer(f"method.{key}", part)
        else:
            fill_fields(f"method.{key}", part, networks.settable(networks.find(key, part)))


def fill_fields(where: str, part: ConfigDict, fields: Mapping[str, Field]) -> None:
    """Adds defaults; what is set already must be of the field's type.

    Raises:
      UserError: if it is of another one.
    """
    for name, (kind, default) in fields.items():
        if name in part:
            put(part, name, of_kind(f"{where}.{name}", part[name], kind))
        # No config can hold a function.
        elif default is not dataclasses.MISSING and not callable(default):
            part[name] = dataclasses.asdict(default) if dataclasses.is_dataclass(kind) else default


def fill_group(where: str, part: ConfigDict, fields: Mapping[str, Field]) -> None:
    """Adds the defaults of the dataclass that a group of fields stands for.

    Raises:
      UserError: for a field that the class has not, or of another type.
    """
    for key in set(part) - set(fields):
        raise errors.unknown(f"field of config.{where}", key, fields)
    fill_fields(where, part, fields)


def fill_optimizer(where: str, part: ConfigDict) -> None:
    """Adds the defaults of an optimizer's and its schedule's arguments."""
    for name, value in optimizers.defaults(part).items():
        part[name] = value
    put(part, "learning_rate", float(part.learning_rate))
    for kind, group in (("optimizer", part), ("schedule", part.schedule)):
        arguments = optimizers.parameters(optimizers.find(kind, group.name)) if group.name else {}
        for name, default in arguments.items():
            if isinstance(default, bool | int | float | str):
                inside = where if kind == "optimizer" else f"{where}.schedule"
                put(group, name, typed(f"{inside}.{name}", group[name], default))


def forget(config: ConfigDict, group: str) -> None:
    """Drops what a group of the method's holds for another name than the one it has now."""
    part, last = get(config, group), group.rpartition(".")[2]
    if group == "method":
        known = set(variants.fields(variants.find(part.name)))
    elif last == "schedule":
        found = part.name and optimizers.parameters(optimizers.find("schedule", part.name))
        known = set(found)
    elif last.endswith("optimizer"):
        found = optimizers.parameters(optimizers.find("optimizer", part.name))
        known = {"schedule", *found}
    else:
        known = set(networks.fields(networks.find_class(last, part.name)))
    for key in set(part) - {"name"} - known:
        del part[key]


def put(part: ConfigDict, name: str, value: Any) -> None:
    """Sets a field to a value of perhaps another type than it has (ConfigDict would refuse)."""
    with part.ignore_type():
        part[name] = value


def typed(where: str, value: Any, like: Any) -> Any:
    """``value``, of the type of ``like``: a whole number may stand for a float.

    Raises:
      UserError: if it is of another type.
    """
    try:
        return conform(value, like)
    except TypeError:
        kind = "list of values" if isinstance(like, tuple | list) else type(like).__name__
        told = f"config.{where} must be of type {kind}, not {plain(value)!r}"
        raise errors.UserError(told) from None


def conform(value: Any, like: Any) -> Any:
    """``value`` in the type of ``like``, item by item in a list; of any type if that is ``None``.

    Raises:
      TypeError: if it is of another type.
    """
    if like is None:
        return value
    if isinstance(like, tuple | list) and isinstance(value, tuple | list):
        item = like[0] if len({type(x) for x in like}) == 1 else None
        return type(like)(conform(x, item) for x in value)
    if isinstance(like, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    groups = isinstance(like, Mapping | ConfigDict) and isinstance(value, Mapping | ConfigDict)
    if type(value) is not type(like) and not groups:
        raise TypeError
    return value


def of_kind(where: str, value: Any, kind: Any) -> Any:
    """``value``, of the type that a field is annotated with.

    Raises:
      UserError: if it is of another type.
    """
    try:
        return fit_kind(value, kind)
    except TypeError:
        told = f"config.{where} must be of type {told_kind(kind)}, not {plain(value)!r}"
        # A network or an optimizer that is given as its name alone.
        if isinstance(value, str) and typing.get_origin(kind) is collections.abc.Mapping:
            told += f"; did you mean {{'name': {value!r}}}?"
        raise errors.UserError(told) from None


def fit_kind(value: Any, kind: Any) -> Any:
    """``value`` in the type ``kind``; as it is where a config cannot hold that type.

    Raises:
      TypeError: if it is of another type.
    """
    origin, inner = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        for choice in inner:
            with contextlib.suppress(TypeError):
                return fit_kind(value, choice)
        raise TypeError
    if kind is None or kind is types.NoneType:
        if value is not None:
            raise TypeError
        return None
    if origin in (tuple, list, collections.abc.Sequence):
        if not isinstance(value, tuple | list):
            raise TypeError
        each = inner or (Any, ...)
        if origin is not tuple or each[-1] is ...:
            each = each[:1] * len(value)
        if len(each) != len(value):
            raise TypeError
        return tuple(map(fit_kind, value, each))
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (bool, int, float, str) and type(value) is not kind:
        raise TypeError
    group = origin in (dict, collections.abc.Mapping) or dataclasses.is_dataclass(kind)
    if group and not isinstance(value, Mapping | ConfigDict):
        raise TypeError
    return value


def told_kind(kind: Any) -> str:
    """A type in a word."""
    origin = typing.get_origin(kind) or kind
    if origin in (tuple, list, collections.abc.Sequence):
        return "list of values"
    if origin in (dict, collections.abc.Mapping) or dataclasses.is_dataclass(kind):
        return "group"
    return kind.__name__ if isinstance(kind, type) else str(kind)


def fill_from_data(config: ConfigDict) -> None:
    """Sets the method's ``shape`` and ``num_classes``, where it has them, to the dataset's.

    Raises:
      UserError: if the dataset is not there, or the method needs labels and it has none.
    """
    spec = data.describe(config.data)
    if config.evaluation.every:
        held_out = data.describe(config.data, config.data.test_split)
        # Two sets are drawn from them, see `evaluation`.
        if held_out.size < 4:
            raise errors.UserError(
                f"{config.data.name} has only {held_out.size} samples in its split "
                f"{config.data.test_split!r}, too few to evaluate on; set evaluation.every=0"
            )
    section = config.method
    fields = variants.fields(variants.find(section.name))
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


def build(config: ConfigDict, axis_name: str | None = None) -> Method:
    """The method of a completed config.

    Raises:
      UserError: with the method's own reason, if its fields contradict each other.
    """
    section = plain(config.method)
    name = section.pop("name")
    try:
        return variants.build(name, section, axis_name)
    except errors.UserError:
        raise
    except Exception as error:  # whatever the method refuses its fields with
        raise errors.UserError(f"method {name!r}: {errors.told(error)}") from error


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
        "steps": 1,
        "batch_size": 1,
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
    names = ("collapse", "vanishing", "imbalance", "oscillation", "overfitting", "memorization")
    for field in (f"alarms.{name}" for name in names):
        value = get(config, field)
        found.append((not 0 <= value < 1, f"config.{field} must be in [0, 1), not {value}"))
    every, saved = config.evaluation.every, config.checkpoint.every
    ranked = config.checkpoint.best.startswith("eval/") and every and saved
    text = (
        f"config.checkpoint.best={config.checkpoint.best!r} ranks the checkpoints of evaluated "
        f"steps: evaluation.every {every} must be a multiple of checkpoint.every {saved}"
    )
    found.append((bool(ranked and every % saved), text))
    return found


def get(config: ConfigDict, field: str) -> Any:
    """The value of a dotted field."""
    node: Any = config
    for part in field.split("."):
        node = node[part]
    return node
