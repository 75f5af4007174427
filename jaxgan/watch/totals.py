"""Metrics summed on the device between two log lines, and the watch for non-finite numbers.

Nothing is fetched to the host until a line is due; that a step went wrong, and which player first,
is remembered here until then.
"""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.state import Metrics, State

Totals = dict[str, Any]
NEVER = -1


def zero(metrics: Metrics, state: State) -> Totals:
    """Nothing counted yet; the arguments give the names."""
    return {
        "sums": {name: jnp.zeros((), jnp.float32) for name in metrics},
        "count": jnp.zeros((), jnp.int32),
        "skipped": jnp.zeros((), jnp.int32),
        "nonfinite": {name: jnp.full((), NEVER, jnp.int32) for name in state.nets},
    }


def nonfinite(state: State, metrics: Metrics) -> dict[str, jax.Array]:
    """Whether each player's parameters, or a metric named after it, are not all finite."""

    def bad(tree: Any) -> jax.Array:
        flags = [~jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(tree)]
        return jnp.any(jnp.stack(flags)) if flags else jnp.zeros((), bool)

    return {
        name: bad(net.params) | bad([m for k, m in metrics.items() if k.startswith(name + "/")])
        for name, net in state.nets.items()
    }


def add(
    totals: Totals, old: State, new: State, metrics: Metrics, *, skip: bool, freeze: bool = False
) -> tuple[State, Totals]:
    """Counts one step; with ``skip``, undoes its update if it left anything non-finite.

    Args:
      totals: so far.
      old: the state before the step.
      new: the state after it.
      metrics: of the step.
      skip: keep ``old`` (but its step counter) and leave the metrics out where ``new`` is bad.
      freeze: likewise, and where anything was bad before.

    Returns:
      The state to go on with, and the new totals.
    """
    bad = nonfinite(new, metrics)
    first = {
        name: jnp.where(bad[name] & (seen == NEVER), new.step, seen)
        for name, seen in totals["nonfinite"].items()
    }
    drop = jnp.any(jnp.stack(list(bad.values()))) & (skip or freeze)
    if freeze:
        drop |= jnp.any(jnp.stack([seen != NEVER for seen in totals["nonfinite"].values()]))
    if skip or freeze:
        # Not the counter: many runs in one program share it, whatever each drops.
        kept = jax.tree.map(
            lambda k, n: jnp.where(drop, k, n), (old.nets, old.extras), (new.nets, new.extras)
        )
        new = replace(new, nets=kept[0], extras=kept[1])
    sums = {
        # In the dtype of the sum, whatever a method's metrics are in: a checkpoint has to fit.
        name: total + jnp.where(drop, 0.0, metrics[name]).astype(total.dtype)
        for name, total in totals["sums"].items()
    }
    return new, {
        "sums": sums,
        "count": totals["count"] + (~drop).astype(jnp.int32),
        "skipped": totals["skipped"] + drop.astype(jnp.int32),
        "nonfinite": first,
    }


def first_nonfinite(totals: Totals) -> tuple[int, str] | None:
    """The step and the player at which fetched totals first went wrong, if they did."""
    found = [(int(step), name) for name, step in totals["nonfinite"].items() if step != NEVER]
    return min(found) if found else None


def skipped_share(totals: Totals) -> float:
    """The share of steps that were left out of fetched totals."""
    left_out, count = int(totals["skipped"]), int(totals["count"])
    return left_out / max(left_out + count, 1)


def means(totals: Totals) -> dict[str, float]:
    """The mean of each metric over the counted steps of fetched totals."""
    count = int(totals["count"])
    line = {k: float(v) / count for k, v in totals["sums"].items()} if count else {}
    return line | ({"skipped": int(totals["skipped"])} if totals["skipped"] else {})
