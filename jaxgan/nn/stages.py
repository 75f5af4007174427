"""What of a network is kept for its gradient, where the rest is to be worked out once more.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174): with the maps
between stages alone, memory grows with the largest stage instead of with all of them.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.ad_checkpoint import checkpoint_name

STAGE = "stage"


def stage(x: jax.Array) -> jax.Array:
    """The map [B, H, W, C] that a stage ends with, as it is, and kept."""
    return checkpoint_name(x, STAGE)


def rematerialized(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, of whose inner values its gradient keeps those of ``stage`` alone."""
    keep = jax.checkpoint_policies.save_only_these_names(STAGE)
    return jax.checkpoint(function, policy=keep)
