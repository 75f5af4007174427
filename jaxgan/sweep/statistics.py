"""What a few seeds say of an arm: intervals, paired differences, and how many would say more."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

# Of intervals and tests; how often a difference that there is has to be found.
LEVEL, POWER = 0.05, 0.8
# Beyond it a number of seeds is no advice.
MANY = 1000
# Of the largest value: less than this is no spread. The mean of three times 0.1 is not 0.1.
ROUNDING = 1e-12


class Interval(NamedTuple):
    """A mean, and half of the width of its interval: NaN where one value has no spread."""

    mean: float
    half: float
    n: int


def interval(values: Sequence[float]) -> Interval:
    """The mean of n values and its 95 % interval by Student's t of n - 1.

    Example:
      >>> interval([1.0, 2.0, 3.0])
      Interval(mean=2.0, half=2.48..., n=3)
    """
    x = np.asarray(values, np.float64)
    n = len(x)
    if n < 2:
        return Interval(float(x.mean()) if n else float("nan"), float("nan"), n)
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) * spread(x) / np.sqrt(n)
    return Interval(float(x.mean()), float(half), n)


def spread(x: np.ndarray) -> float:
    """The standard deviation of two values or more, 0 where they differ by rounding alone."""
    found = float(x.std(ddof=1))
    return 0.0 if found <= ROUNDING * np.abs(x).max() else found


def power(effect: float, n: int) -> float:
    """How often a paired, two-sided t-test of n differences at 5 % finds an effect, and its sign.

    Args:
      effect: the mean of the differences over their standard deviation, at least 0.
      n: at least 2.
    """
    edge = stats.t.ppf(1 - LEVEL / 2, n - 1)
    return float(stats.nct.sf(edge, n - 1, effect * np.sqrt(n)))


def seeds_needed(differences: Sequence[float]) -> int | None:
    """Pairs of runs with which the t-test finds the effect in four of five sweeps.

    The effect is what these differences show, and no surer than they are.

    Returns:
      The number, ``MANY + 1`` for any larger one, or ``None`` where the differences do not vary or
      are fewer than two.
    """
    x = np.asarray(differences, np.float64)
    if len(x) < 2 or spread(x) == 0:
        return None
    effect = abs(float(x.mean() / spread(x)))
    enough = (n for n in range(2, MANY + 1) if power(effect, n) >= POWER)
    return next(enough, MANY + 1)
