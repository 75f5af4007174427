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

# What is watched of each player.
WATCHED = ("diversity", "grad_norm", "real_accuracy", "fake_accuracy", "loss")
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
    kinds = {name: kind(name, line) for name in line}
    for name in line:
        if kinds[name] in WATCHED:
            last[name] = [*last.get(name, []), line[name]][-LONG * int(rules["window"]) :]
            peak[name] = max(peak.get(name, 0.0), abs(line[name]))
    window, on, changed = int(rules["window"]), set(history["on"]), {}
    for name, (needed, rule) in RULES.items():
        series = {key: last.get(key, [line[key]]) for key in line if kinds[key] in needed}
        if not rules.get(name) or not series:
            continue
        told = rule(series, peak, window, rules[name])
        if bool(told) != (name in on):
            changed[name] = told
            on ^= {name}
    return {"last": last, "peak": peak, "on": sorted(on)}, changed


def kind(name: str, line: Mapping[str, float]) -> str:
    """What a metric tells of a player, see ``WATCHED``; the name as it is of anything else.

    Players are ``g`` and ``d``, and whatever else logs the norm of its gradient.
    """
    network, _, quantity = name.partition("/")
    player = network in ("g", "d") or f"{network}/grad_norm" in line
    return quantity if player and quantity in WATCHED else name


def generates(network: str, peak: Mapping[str, float]) -> bool:
    """Whether a player is a generator: it is called ``g``, or how its samples vary was logged."""
    return network == "g" or network.startswith("g_") or f"{network}/diversity" in peak


def named(network: str) -> str:
    """A player, where it is not the only one of its kind."""
    return "" if network in ("g", "d") else f" of {network}"


Series = Mapping[str, list[float]]
Rule = Callable[[Series, Mapping[str, float], int, float], str]


def collapse(series: Series, peak: Mapping[str, float], window: int, least: float) -> str:
    """Samples are more alike than ``least`` times as much as real ones, for a whole window."""
    for name, values in series.items():
        recent, whose = values[-window:], named(name.partition("/")[0])
        if len(recent) == window and max(recent) < least:
            return f"mode collapse: samples{whose} vary {recent[-1]:.3g} times as much as real ones"
    return ""


def vanishing(series: Series, peak: Mapping[str, float], window: int, least: float) -> str:
    """The generator's gradient is below ``least`` times the discriminator's largest one.

    The largest one, since with a discriminator that is always right both fade together. Of several
    discriminators that with the largest.
    """
    networks = {name: name.partition("/")[0] for name in peak if name.endswith("/grad_norm")}
    others = [peak[name] for name, network in networks.items() if not generates(network, peak)]
    largest = max(others, default=0.0)
    for name, values in series.items():
        recent, network = values[-window:], name.partition("/")[0]
        if not generates(network, peak) or len(recent) < window:
            continue
        if max(recent) < least * largest:
            return (
                f"vanishing gradient: the generator's norm{named(network)} is {recent[-1]:.3g}, "
                f"the discriminator's was up to {largest:.3g}"
            )
    return ""


def imbalance(series: Series, peak: Mapping[str, float], window: int, most: float) -> str:
    """The discriminator is right, or wrong, about more than ``most`` of both kinds."""
    for network in dict.fromkeys(name.partition("/")[0] for name in series):
        both = [series.get(f"{network}/{of}_accuracy", [])[-window:] for of in ("real", "fake")]
        if min(map(len, both)) < window:
            continue
        now = ", ".join(f"{shares[-1]:.3g}" for shares in both)
        for told, wins in (("wins", 1), ("loses", 0)):
            if min(x if wins else 1 - x for shares in both for x in shares) > most:
                return f"imbalance: the discriminator{named(network)} {told}, accuracies {now}"
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
    "collapse": (("diversity",), collapse),
    "vanishing": (("grad_norm",), vanishing),
    "imbalance": (("real_accuracy", "fake_accuracy"), imbalance),
    "oscillation": (("loss",), oscillation),
    "overfitting": (("eval/overfitting",), overfitting),
    "memorization": (("eval/nearest_training",), memorization),
    "skipped": ((SKIPPED,), skipped),
}
