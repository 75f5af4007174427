"""The stage of the command line: fields set by ``--config.FIELD=VALUE``."""

import ast
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from jaxgan import networks
from jaxgan.base import errors
from jaxgan.config import variants
from jaxgan.config.fields import flatten, get
from jaxgan.config.kinds import fit_type
from jaxgan.learning import optimizers

BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def join_values(arguments: Sequence[str]) -> list[str]:
    """``--config.a``, ``1`` as ``--config.a=1``."""
    joined: list[str] = []
    for argument in arguments:
        if joined and "=" not in joined[-1] and not argument.startswith("--"):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined


def parse_override(text: str) -> tuple[str, str]:
    """The field and the text of its value in ``--config.FIELD=VALUE``."""
    key, equals, value = text.partition("=")
    if not key.startswith("--config."):
        raise errors.UserError(f"unknown argument {text!r}; a field is set by --config.FIELD=VALUE")
    if not equals:
        raise errors.UserError(f"{key} needs a value: {key}=VALUE")
    return key.removeprefix("--config."), value


def apply_override(config: ConfigDict, key: str, text: str) -> None:
    """Sets field ``key`` (dotted) to ``text``, read as the type the field has.

    Raises:
      UserError: if there is no such field, or the text is of another type.
    """
    *path, last = key.split(".")
    node = config
    for part in [*path, last]:
        if not isinstance(node, ConfigDict) or part not in node:
            raise errors.unknown("config field", key, [f for f, _ in flatten(config)])
        parent, node = node, node[part]
    if isinstance(node, ConfigDict):
        raise errors.UserError(f"config.{key} is a group; set one of {', '.join(node)}")
    parent[last] = fit_type(key, parse_value(text, node), node)


def parse_value(text: str, now: Any) -> Any:
    """The value that ``text`` stands for where ``now`` is the one to be replaced."""
    if isinstance(now, str):
        return text
    if isinstance(now, bool):
        return BOOLEANS.get(text.lower(), text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # Names in a list need no quotes.
        names = isinstance(now, tuple | list) and all(isinstance(item, str) for item in now)
        return tuple(text.split(",")) if names else text
    return (
        (value,) if isinstance(now, tuple | list) and not isinstance(value, tuple | list) else value
    )


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
