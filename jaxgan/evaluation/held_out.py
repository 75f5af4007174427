"""Measuring a model against held-out data, with the floor and the protocol beside the figure."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import data, errors
from jaxgan.evaluation.sliced_wasserstein import sliced_wasserstein

PROJECTIONS = 256
METRIC = "sliced_wasserstein"
LOGGED = f"eval/{METRIC}"


def held_out_samples(config: ConfigDict) -> np.ndarray:
    """Two disjoint sets of test samples [2, n, ...] in [-1, 1].

    Raises:
      UserError: if there are fewer than four test samples.
    """
    source = data.open_source(config.data, config.data.test_split)
    n = min(config.evaluation.n, source.size // 2)
    if n < 2:
        raise errors.UserError(f"{config.data.name} has only {source.size} test samples")
    order = data.indices(config.seed, 0, size=source.size, batch_size=2 * n)
    images = np.asarray(data.to_float(source.read(order))["image"])
    return images.reshape(2, n, *images.shape[1:])


def protocol(config: ConfigDict, step: int) -> dict[str, Any]:
    """What a figure depends on beside the samples: it must be equal for a comparison."""
    return {
        "step": step,
        "data": config.data.name,
        "split": config.data.test_split,
        "seed": config.seed,
        "weights": "averaged where the method keeps an average",
        "versions": {"jax": jax.__version__},
    }


def measure(
    draw: Callable[[jax.Array, int], np.ndarray],
    held_out: np.ndarray,
    key: jax.Array,
    protocol: dict[str, Any],
) -> dict[str, Any]:
    """The sliced Wasserstein distance of samples to held-out data, and its floor.

    Args:
      draw: ``draw(key, n)``, samples [n, ...] in [-1, 1].
      held_out: as ``held_out_samples`` gives them: samples are compared with the first set, and so
        is the second, which gives the floor.
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
        "metric": METRIC,
        "value": float(distance(fake, real, direction_key, projections=PROJECTIONS)),
        "floor": float(distance(other, real, direction_key, projections=PROJECTIONS)),
        "n_real": n,
        "n_fake": n,
        "projections": PROJECTIONS,
        "values": "raw, in [-1, 1]",
        **protocol,
    }


def describe(result: dict[str, Any]) -> str:
    """The result in a line."""
    return (
        f"step {result['step']}  {result['metric']} {result['value']:.4g}  "
        f"(real against real: {result['floor']:.4g})"
    )


def record(result: dict[str, Any], folder: Path) -> None:
    """Writes the result to ``step_N.json``."""
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{result['step']:08}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=2) + "\n")
    temporary.replace(path)
