"""The networks, one file a family, and building one from its config."""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax

from jaxgan import errors
from jaxgan.lookup import load_module, submodules

PLACED = ("parent", "name")  # Linen's own fields
# Fields that a method gives its networks, where they have them; no config sets them.
GIVEN = ("axis_name", "num_classes", "heads")


@flax.struct.dataclass
class Critique:
    """What a discriminator says of samples.

    Attributes:
      logits: float32 [B], or a map [B, h, w, 1].
      features: float32 [B, F], the last ones before the logits.
      heads: other outputs [B, ...] from the features, by name.
    """

    logits: jax.Array
    features: jax.Array
    heads: dict[str, jax.Array] = flax.struct.field(default_factory=dict)


def names() -> list[str]:
    """The families that come with the package."""
    return submodules(sys.modules[__name__])


def find(role: str, config: Mapping[str, Any]) -> type[nn.Module]:
    """The Linen module that plays ``role`` in family ``config['name']``.

    Args:
      role: ``'generator'``, ``'discriminator'``, ``'encoder'``, ...: the class of that name, in
        capitals, is taken from the family's file.
      config: ``name`` (a file in ``jaxgan/networks`` or an importable module) and the module's
        fields.

    Raises:
      UserError: for an unknown family, role or field.
    """
    if "name" not in config:
        raise errors.UserError(f"{role} needs a name, e.g. {{'name': 'dcgan'}}")
    cls = find_class(role, config["name"])
    for key in set(config) - {"name"} - set(fields(cls)):
        raise errors.unknown(f"field of the {role} {config['name']!r}", key, fields(cls))
    return cls


def find_class(role: str, name: str) -> type[nn.Module]:
    """The Linen module that plays ``role`` in family ``name``, whatever its fields."""
    module = load_module(sys.modules[__name__], "network", name)
    cls = getattr(module, role.title().replace("_", ""), None)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise errors.UserError(f"network {name!r} has no {role}")
    return cls


def fields(cls: type[nn.Module]) -> dict[str, dataclasses.Field]:
    """The hyper-parameters of a Linen module class, by name."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init and f.name not in PLACED}


def require(role: str, config: Mapping[str, Any], field: str) -> None:
    """Refuses a family whose ``role`` has no such field that a method means to give it.

    Raises:
      UserError: naming the family and the field.
    """
    if field not in fields(find(role, config)):
        raise errors.UserError(
            f"{role} {config['name']!r} takes no {field}, which the method needs"
        )


def build(role: str, config: Mapping[str, Any], **given: Any) -> nn.Module:
    """The network of ``config``, with the fields in ``given`` (a shape, an axis name) it has.

    Raises:
      UserError: for an unknown family or field, or one that is given already.
    """
    cls = find(role, config)
    given = {k: v for k, v in given.items() if k in fields(cls)}
    for key in config:
        if key in given or key in GIVEN:
            raise errors.UserError(f"{key} of the {role} is set by the method; leave it out")
    return cls(**given, **{k: v for k, v in config.items() if k != "name"})
