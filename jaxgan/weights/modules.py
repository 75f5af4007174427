"""Modules of PyTorch that a pickle holds whole, and their state dicts."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxgan.weights import tensors, unpickling

NETWORKS = ("G", "D", "G_ema")


def is_module(value: Any) -> bool:
    """Whether it is one: a self-contained one of StyleGAN's, or one of a class that is not here."""
    if isinstance(value, unpickling.Persisted):
        return True
    return (
        isinstance(value, unpickling.Inert)
        and isinstance(value.state, Mapping)
        and "_modules" in value.state
    )


def attributes(module: Any) -> Mapping[str, Any]:
    """What a module has in its ``__dict__``."""
    return module.meta["state"] if isinstance(module, unpickling.Persisted) else module.state


def networks(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The modules among ``G``, ``D`` and ``G_ema``."""
    return {name: stored[name] for name in NETWORKS if is_module(stored.get(name))}


def state_dicts(stored: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """The tensors of each of these."""
    return {name: dict(state_of(module)) for name, module in networks(stored).items()}


def state_of(module: Any, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """The state dict of a module, in PyTorch's order."""
    state = attributes(module)
    passing = state.get("_non_persistent_buffers_set", ())
    for kind, left_out in (("_parameters", ()), ("_buffers", passing)):
        for key, value in state[kind].items():
            if value is not None and key not in left_out:
                yield prefix + key, tensors.array(value)
    for key, inner in state["_modules"].items():
        if inner is not None:
            yield from state_of(inner, f"{prefix}{key}.")


def inside(module: Any, name: str) -> Mapping[str, Any]:
    """The modules in that of this name in a module, by their names; {} if there is none."""
    inner = attributes(module)["_modules"].get(name)
    return attributes(inner)["_modules"] if is_module(inner) else {}
