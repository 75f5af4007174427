"""Evaluation: how far samples are from held-out data, each figure with what it was measured by."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan.evaluation.sliced_wasserstein import sliced_wasserstein

PROJECTIONS = 256


def evaluate(
    draw: Callable[[jax.Array, int], np.ndarray],
    held_out: np.ndarray,
    key: jax.Array,
    protocol: dict[str, Any],
) -> dict[str, Any]:
    """The sliced Wasserstein distance of samples to held-out data, and its floor.

    Args:
      draw: ``draw(key, n)``, samples [n, ...] in [-1, 1].
      held_out: two disjoint sets of real samples [2, n, ...]: samples are compared with the first,
        and so is the second, which gives the floor.
      key: for the samples and the directions.
      protocol: what else made the figure; it is added to the result.

    Returns:
      ``metric``, ``value``, ``floor``, and everything that a comparison depends on.
    """
    n = held_out.shape[1]
    sample_key, direction_key = jax.random.split(key)
    distance = jax.jit(sliced_wasserstein, static_argnames="projections")
    real, other = held_out
    fake = draw(sample_key, n)
    return {
        "metric": "sliced_wasserstein",
        "value": float(distance(fake, real, direction_key, projections=PROJECTIONS)),
        "floor": float(distance(other, real, direction_key, projections=PROJECTIONS)),
        "n_real": n,
        "n_fake": n,
        "projections": PROJECTIONS,
        "values": "raw, in [-1, 1]",
        "weights": "averaged where the method keeps an average",
        "versions": {"jax": jax.__version__},
        **protocol,
    }
