"""What a run decides from its own log: stop early, lower the learning rates.

A tracker is a small dictionary that is saved with each checkpoint, so that a resumed run decides
as it would have.
"""

import math
from collections.abc import Container
from typing import Any

Tracker = dict[str, Any]


def start() -> dict[str, Tracker]:
    """The trackers of a run that begins."""
    return {name: {"best": None, "wait": 0} for name in ("early_stopping", "reduce_on_plateau")}


def improved(value: float, best: float | None, mode: str, min_delta: float) -> bool:
    """Whether ``value`` beats ``best`` by more than ``min_delta`` in the direction of ``mode``.

    NaN beats nothing.
    """
    if best is None:
        return not math.isnan(value)
    return value < best - min_delta if mode == "min" else value > best + min_delta


def track(
    tracker: Tracker, rule: Any, line: dict[str, float], expected: Container[str] = ()
) -> tuple[Tracker, bool]:
    """Takes in one log line.

    Args:
      tracker: as it was left by the line before.
      rule: ``metric``, ``mode``, ``patience`` and ``min_delta``; an empty metric never fires.
      line: the logged metrics; one without the rule's metric changes nothing.
      expected: what such a line should have: a metric of these that it lacks has not improved.

    Returns:
      The new tracker, and whether the metric has now failed to improve ``patience`` times in a row
      (the count then starts anew).
    """
    if not rule.metric or (rule.metric not in line and rule.metric not in expected):
        return tracker, False
    value = line.get(rule.metric, math.nan)
    if improved(value, tracker["best"], rule.mode, rule.min_delta):
        return {"best": value, "wait": 0}, False
    wait = tracker["wait"] + 1
    fired = wait >= rule.patience
    return {"best": tracker["best"], "wait": 0 if fired else wait}, fired
