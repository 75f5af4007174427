"""Networks by name: finding a family, the fields it may be set by, and building one."""

import dataclasses
import sys
import types
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax

from jaxgan.base import errors
from jaxgan.base.lookup import Field, hints, load_module, submodules

PLACED = ("parent", "name")  # Linen's own fields
# Fields that a method gives its networks, where they have them; no config sets them.
GIVEN = ("axis_name", "num_classes", "heads", "dtype")
# Marks a field of one family as another of these.
BY_METHOD = types.MappingProxyType({"given": True})
# Fields that count channels or units.
SIZES = ("width", "max_width", "features")


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


@flax.struct.dataclass
class Posterior:
    """What an encoder says of the latents of samples: a normal distribution for each.

    Attributes:
      mean: float32 [B, Z].
      log_variance: likewise.
    """

    mean: jax.Array
    log_variance: jax.Array


def names() -> list[str]:
    """The families that come with the package."""
    return [name for name in submodules(package()) if name != "building"]


def package() -> types.ModuleType:
    """The package of the families."""
    return sys.modules[__name__.rpartition(".")[0]]


def find(role: str, config: Mapping[str, Any]) -> type[nn.Module]:
    """The Linen module that plays ``role`` in family ``config['name']``.

    Args:
      role: ``'generator'``, ``'discriminator'``, ``'encoder'``, ...: the class of that name, in
        capitals, is taken from the family's file; or that of its last word, so that
        ``'second_discriminator'`` is a ``Discriminator`` too.
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
    module = load_module(package(), "network", name, names())
    wanted = role.title().replace("_", "")
    cls = getattr(module, wanted, None) or getattr(module, role.split("_")[-1].title(), None)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise errors.UserError(
            f"network {name!r} has no {role}: no Linen module of the name {wanted!r}"
        )
    return cls


def fields(cls: type[nn.Module]) -> dict[str, dataclasses.Field]:
    """The hyper-parameters of a Linen module class, by name."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init and f.name not in PLACED}


def settable(cls: type[nn.Module]) -> dict[str, Field]:
    """The fields of a Linen module class that a config may set."""
    kinds = hints(cls)
    return {
        name: Field(kinds[name], _default(field))
        for name, field in fields(cls).items()
        if not _given(field)
    }


def _given(field: dataclasses.Field) -> bool:
    return field.name in GIVEN or bool(field.metadata.get("given"))


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def build(
    role: str,
    config: Mapping[str, Any],
    *,
    needed: Mapping[str, Any] | None = None,
    precision: str = "float32",
    **given: Any,
) -> nn.Module:
    """The network of ``config``.

    Args:
      role: see ``find``.
      config: likewise.
      needed: fields that the method gives it, and that it must have.
      precision: what it must compute in, given to it as ``dtype``. One that has no field for it
        computes in float32.
      **given: fields (a shape, an axis name) that it is given where it has them.

    Raises:
      UserError: for an unknown family or field, one that is given already, or one that is needed
        and not there.
    """
    cls, needed = find(role, config), needed or {}
    if precision != "float32":
        if "dtype" not in fields(cls):
            raise errors.UserError(
                f"{role} {config['name']!r} has no field 'dtype', which config.precision="
                f"{precision!r} needs"
            )
        needed = {**needed, "dtype": precision}
    for name in set(needed) - set(fields(cls)):
        raise errors.UserError(f"{role} {config['name']!r} takes no {name}, which the method needs")
    for name in set(config) & set(SIZES):
        sizes = config[name] if isinstance(config[name], tuple | list) else (config[name],)
        if any(isinstance(size, int) and size < 1 for size in sizes):
            raise errors.UserError(f"{role}.{name} must be at least 1, not {config[name]}")
    given = {k: v for k, v in given.items() if k in fields(cls)} | dict(needed)
    for key in config:
        if key in given or (key != "name" and _given(fields(cls)[key])):
            setter = "config.precision" if key == "dtype" else "the method"
            raise errors.UserError(f"{key} of the {role} is set by {setter}; leave it out")
    return cls(**given, **{k: v for k, v in config.items() if k != "name"})
