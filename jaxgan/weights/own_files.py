"""Reading a file of our own form, before any network is built: see ``own`` for what is in it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.containers import METADATA, OWN

FORMAT = 1
# What a description must have.
ENTRIES = ("licence", "network", "latent_dim", "generator", "discriminator", "sha256")


def holds(stored: Any) -> bool:
    """Whether it is such a file."""
    return isinstance(stored, Mapping) and METADATA in stored


def networks(stored: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """The variables of each player by their paths."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, value in values(stored).items():
        player, _, path = name.partition("/")
        found.setdefault(player, {})[path] = value
    return found


def settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What is written beside the values, once these are known to be whole.

    Raises:
      ValueError: if they are not, or it is of a newer form.
    """
    told: dict[str, Any] = json.loads(stored[METADATA][OWN])
    if told["format"] != FORMAT:
        raise ValueError(f"it is of form {told['format']!r}, and this version reads {FORMAT}")
    if lacking := next((name for name in ENTRIES if name not in told), None):
        raise ValueError(f"its description has no {lacking!r}")
    digest = hashlib.sha256()
    for value in values(stored).values():
        digest.update(value.data)
    if digest.hexdigest() != told["sha256"]:
        raise ValueError("its values are not those that were written")
    return told


def values(stored: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors alone."""
    return {name: value for name, value in stored.items() if name != METADATA}
