"""Alarms: what goes wrong with GANs, told as soon as the log shows it.

What an alarm looks at is a small dictionary that is saved with each checkpoint, so that a resumed
run warns as it would have.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# The last values of each metric that a rule looks at, and the largest one ever.
History = dict[str, Any]

WATCHED = (
    "g/diversity",
    "g/grad_norm",
    "d/grad_norm",
    "d/real_accuracy",
    "d/fake_accuracy",
    "d/loss",
    "g/loss",
)
# The share of the steps of a line, which the loop adds to what is logged.
SKIPPED = "skipped_share"
# An oscillation is looked for in this many windows.
LONG = 8
AMPLITUDE = 0.1


def start() -> History:
    """The history of a run that begins."""
    return {"last": {}, "peak": {}, "on": []}


def watch(
    history: History, rules: Mapping[str, float], line: Mapping[str, float]
) -> tuple[History, dict[str, str]]:
    """Takes in one log line.

    Args:
      history: as the line before left it.
      rules: the config's ``alarms``: ``window``, and the threshold of each (0, or none: never).
      line: the logged metrics, of training with ``SKIPPED``; a rule whose metrics it lacks keeps
        its state.

    Returns:
      The new history, and the alarms that have changed: what there is to say of one that began, ''
      of one that is over.
    """
    last, peak = dict(history["last"]), dict(history["peak"])
    for name in WATCHED:
        if name in line:
            last[name] = [*last.get(name, []), line[name]][-LONG * int(rules["window"]) :]
            peak[name] = max(peak.get(name, 0.0), abs(line[name]))
    window, on, changed = int(rules["window"]), set(history["on"]), {}
    for name, (needed, rule) in RULES.items():
        if not rules.get(name) or not any(metric in line for metric in needed):
            continue
        series = {metric: last.get(metric, [line[metric]]) for metric in needed if metric in line}
        told = rule(series, peak, window, rules[name])
        if bool(told) != (name in on):
            changed[name] = told
            on ^= {name}
    return {"last": last, "peak": peak, "on": sorted(on)}, changed


Series = Mapping[str, list[float]]
Rule = Callable[[Series, Mapping[str, float], int, float], str]


def collapse(series: Series, peak: Mapping[str, float], window: int, least: float) -> str:
    """Samples are more alike than ``least`` times as much as real ones, for a whole window."""
    recent = series["g/diversity"][-window:]
    if len(recent) < window or max(recent) >= least:
        return ""
    return f"mode collapse: samples vary {recent[-1]:.3g} times as much as real ones"


def vanishing(series: Series, peak: Mapping[str, float], window: int, least: float) -> str:
    """The generator's gradient is below ``least`` times the discriminator's largest one.

    The largest one, since with a discriminator that is always right both fade together.
    """
    recent = series["g/grad_norm"][-window:]
    largest = peak.get("d/grad_norm", 0.0)
    if len(recent) < window or max(recent) >= least * largest:
        return ""
    return (
        f"vanishing gradient: the generator's norm is {recent[-1]:.3g}, the discriminator's was up "
        f"to {largest:.3g}"
    )


def imbalance(series: Series, peak: Mapping[str, float], window: int, most: float) -> str:
    """The discriminator is right, or wrong, about more than ``most`` of both kinds."""
    if len(series) < 2:
        return ""
    real, fake = (series[name][-window:] for name in ("d/real_accuracy", "d/fake_accuracy"))
    if len(real) < window:
        return ""
    for told, wins in (("wins", 1), ("loses", 0)):
        shares = [x if wins else 1 - x for x in (*real, *fake)]
        if min(shares) > most:
            return f"imbalance: the discriminator {told}, accuracies {real[-1]:.3g}, {fake[-1]:.3g}"
    return ""


def oscillation(series: Series, peak: Mapping[str, float], window: int, most: float) -> str:
    """A loss swings: its autocorrelation falls below ``-most`` and then rises above it."""
    for name, values in series.items():
        x = np.asarray(values, np.float64)
        if len(x) < LONG * window or np.std(x) < AMPLITUDE * abs(np.mean(x)) or np.std(x) == 0:
            continue
        lags = np.arange(1, len(x) // 2)
        centred = x - x.mean()
        # Over all n terms, though there are n - k: less is believed of a long lag.
        r = np.array([np.sum(centred[:-k] * centred[k:]) for k in lags]) / np.sum(centred**2)
        trough = int(np.argmax(r < -most))
        if r[trough] < -most and (r[trough:] > most).any():
            period = int(lags[trough + int(np.argmax(r[trough:]))])
            return f"oscillation: {name} swings with a period of {period} log lines"
    return ""


def overfitting(series: Series, peak: Mapping[str, float], window: int, most: float) -> str:
    """The discriminator's logits of unseen real samples are near those of generated ones."""
    value = series["eval/overfitting"][-1]
    if not math.isfinite(value) or value <= most:
        return ""
    return (
        f"overfitting: the discriminator puts unseen real samples {value:.3g} of the way from "
        f"training samples to generated ones"
    )


def memorization(series: Series, peak: Mapping[str, float], window: int, least: float) -> str:
    """Samples are nearer to training samples than ``least`` times as near as unseen ones are."""
    value = series["eval/nearest_training"][-1]
    if value >= least:
        return ""
    return (
        f"memorization: samples are {value:.3g} times as far from the training set as unseen ones"
    )


def skipped(series: Series, peak: Mapping[str, float], window: int, most: float) -> str:
    """More than ``most`` of the steps since the line before were left out, and taught nothing."""
    share = series[SKIPPED][-1]
    if share <= most:
        return ""
    return (
        f"nothing is learned: {share:.0%} of the steps since the last line gave numbers that are "
        f"not finite, and were skipped"
    )


RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "collapse": (("g/diversity",), collapse),
    "vanishing": (("g/grad_norm",), vanishing),
    "imbalance": (("d/real_accuracy", "d/fake_accuracy"), imbalance),
    "oscillation": (("d/loss", "g/loss"), oscillation),
    "overfitting": (("eval/overfitting",), overfitting),
    "memorization": (("eval/nearest_training",), memorization),
    "skipped": ((SKIPPED,), skipped),
}
