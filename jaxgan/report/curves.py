"""A metric of the seeds of an arm as one curve of few points, between its extremes."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxgan.report.lines import Series

# Points of a curve at most: more than a chart has pixels show nothing more.
POINTS = 400
FEWEST = 24
# Of all curves of a page together.
ALL_POINTS = 100_000


@dataclasses.dataclass(frozen=True)
class Curve:
    """Points, each of which stands for the values at some steps, of some seeds.

    Attributes:
      steps: [n].
      low: the smallest of the values [n].
      mean: of the values [n].
      high: the largest of the values [n].
    """

    steps: np.ndarray
    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray


def points(curves: int) -> int:
    """How many points each of so many curves may have."""
    return max(FEWEST, min(POINTS, ALL_POINTS // max(curves, 1)))


def curve(seeds: Sequence[Series], most: int) -> Curve:
    """The mean over seeds and what it lies between, in at most ``most`` points.

    Values that are not finite are left out. A step counts the seeds that logged it, so a seed that
    ended early is in the beginning of the mean alone.
    """
    whole = together([each.finite() for each in seeds])
    n = len(whole.steps)
    if n <= most:
        return whole
    # All alike: an end that stood for one value would be the noisiest point of the line.
    edges = np.linspace(0, n, most + 1).round().astype(int)[:-1]
    counts = np.diff([*edges, n])
    places = edges + counts // 2
    places[0], places[-1] = 0, n - 1
    return Curve(
        whole.steps[places],
        np.minimum.reduceat(whole.low, edges),
        np.add.reduceat(whole.mean, edges) / counts,
        np.maximum.reduceat(whole.high, edges),
    )


def together(seeds: Sequence[Series]) -> Curve:
    """The mean and the extremes over seeds at every step that one of them logged."""
    if len(seeds) == 1:
        only = seeds[0]
        return Curve(only.steps, only.values, only.values, only.values)
    values = np.concatenate([each.values for each in seeds])
    steps, place = np.unique(np.concatenate([each.steps for each in seeds]), return_inverse=True)
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    if not len(steps):
        return Curve(steps, values, values, values)
    ordered = values[order]
    return Curve(
        steps,
        np.minimum.reduceat(ordered, starts),
        np.add.reduceat(ordered, starts) / counts,
        np.maximum.reduceat(ordered, starts),
    )
