"""What a run depends on and no config says: switches of JAX that change numbers, the hardware."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax

SWITCHES = (
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_random_seed_offset",
    "jax_high_dynamic_range_gumbel",
    "jax_enable_x64",
    "jax_default_matmul_precision",
)


def present() -> dict[str, Any]:
    """The switches that this version of JAX has, each with its value."""
    return {name: getattr(jax.config, name) for name in SWITCHES if hasattr(jax.config, name)}


def changes(stored: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The switches that differ where both are known, and what sets them back; '' if none does."""
    return "; ".join(
        f"{name} was {stored[name]!r}, now {now[name]!r}: {remedy(name, stored[name])}"
        for name in sorted(stored.keys() & now.keys())
        if stored[name] != now[name]
    )


def remedy(name: str, value: Any) -> str:
    """What to do in the environment to give a switch this value."""
    variable = name.upper()
    return f"unset {variable}" if value is None else f"set {variable}={value}"


def hardware(devices: Sequence[jax.Device]) -> dict[str, Any]:
    """What a run computes on: nothing that has to stay so, but what its speed belongs to."""
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "devices": len(devices),
        "processes": jax.process_count(),
        "cores": os.cpu_count() or 0,
        "jax": jax.__version__,
    }
