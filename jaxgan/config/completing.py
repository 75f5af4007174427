"""The stage that adds every field there is: the common ones, the method's, and what the data say.

What the config names is what runs (law 7): after this every field of the method, its networks and
its optimizers stands in the config, so that each can be set, saved and compared.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan import data, networks
from jaxgan.base import errors
from jaxgan.base.lookup import Field
from jaxgan.config import variants
from jaxgan.config.fields import default as common_fields
from jaxgan.config.fields import flatten, get, plain, put
from jaxgan.config.kinds import fit_type, of_kind
from jaxgan.learning import optimizers

# From ``config.data`` to what is known of the data.
Describe = Callable[[Any], data.Spec]


def complete(config: Mapping[str, Any]) -> ConfigDict:
    """The config with every field there is, from one that was stored perhaps by an older version.

    Raises:
      UserError: for a field or a name that is not known (any more), or a wrong type.
    """
    full = merge(config)
    move_precision(full)
    fill_method(full)
    return full


def move_precision(config: ConfigDict) -> None:
    """Takes the precision of a whole run from its networks, where older versions had it.

    Raises:
      UserError: if these differ.
    """
    parts = [part for part in config.method.values() if isinstance(part, ConfigDict)]
    old = [part for part in parts if "name" in part and "dtype" in part]
    found = {str(part.dtype) for part in old}
    for part in old:
        del part["dtype"]
    if len(found) > 1:
        raise errors.UserError("networks of one run that differ in dtype can no longer be built")
    config.precision = next(iter(found), config.precision)


def merge(config: Mapping[str, Any]) -> ConfigDict:
    """The common fields, with those of ``config`` in their place.

    Raises:
      UserError: for a field that is not among them, or of another type.
    """
    full = common_fields()
    known = [f for f, _ in flatten(full)]
    for key, value in flatten(config):
        if key.startswith("method."):
            continue
        if key not in known:
            raise errors.unknown("config field", key, known)
        group, _, last = key.rpartition(".")
        node = get(full, group) if group else full
        node[last] = fit_type(key, value, node[last])
    if "method" in config:
        full.method = ConfigDict(plain(config["method"]))
    for key, part in full.method.items():
        # So that one can be named where the experiment has none.
        if key.endswith("optimizer") and isinstance(part, ConfigDict) and "schedule" not in part:
            part.schedule = {"name": ""}
    return full


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
                put(group, name, fit_type(f"{inside}.{name}", group[name], default))


def fill_from_data(config: ConfigDict, describe: Describe = data.describe) -> None:
    """Sets what the method has of shapes and ``num_classes`` to the dataset's.

    Args:
      config: to be completed.
      describe: gives the spec of what ``config.data`` names.

    Raises:
      UserError: if the dataset is not there, or the method needs labels or targets and it has none.
    """
    spec = describe(config.data)
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
        for field, what, shape in (
            ("shape", "samples", spec.shape),
            ("target_shape", "targets", spec.target),
            ("pixel_shape", "images behind latents", spec.pixels),
        ):
            if field not in fields:
                continue
            if not shape and field == "target_shape":
                raise data.no_targets(f"method {section.name!r}", config.data.name)
            if section.get(field) and tuple(section[field]) != tuple(shape):
                raise errors.UserError(
                    f"config.method.{field} is {tuple(section[field])}, but {config.data.name} has "
                    f"{what} of shape {tuple(shape)}; leave it out"
                )
            section[field] = tuple(shape)
        if "num_classes" in fields:
            # A method that can do without labels has ``None`` as its default.
            if not spec.num_classes and fields["num_classes"].default is not None:
                raise errors.UserError(
                    f"method {section.name!r} needs labels, and {config.data.name} has none"
                )
            put(section, "num_classes", spec.num_classes or None)
