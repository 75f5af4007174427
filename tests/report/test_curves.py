"""Curves of few points: no extreme is lost, and several seeds are a band."""

import numpy as np
import pytest

from jaxgan.report import curves
from jaxgan.report.lines import Series


def series(values, steps=None):
    steps = np.arange(len(values)) if steps is None else np.asarray(steps)
    return Series(steps, np.asarray(values, np.float64))


def test_extremes_and_ends_are_kept():
    values = np.random.default_rng(0).normal(size=100_003)
    values[31_337], values[77_777] = 50.0, -60.0
    thin = curves.curve([series(values)], 400)
    assert len(thin.steps) <= 400
    assert thin.high.max() == 50.0
    assert thin.low.min() == -60.0
    at = thin.steps[np.argmax(thin.high)]
    assert abs(at - 31_337) <= len(values) / 400
    assert (thin.steps[0], thin.steps[-1]) == (0, len(values) - 1)
    assert thin.low[-1] <= values[-1] <= thin.high[-1]
    assert (thin.low <= thin.mean).all()
    assert (thin.mean <= thin.high).all()
    assert (np.diff(thin.steps) > 0).all()
    # Every value counts once, and every point alike.
    assert thin.mean.mean() == pytest.approx(values.mean(), abs=1e-4)


@pytest.mark.parametrize("n", [0, 1, 2, 399, 400])
def test_few_points_stay_as_they_are(n):
    values = np.arange(n) ** 2.0
    curve = curves.curve([series(values)], 400)
    np.testing.assert_array_equal(curve.mean, values)
    np.testing.assert_array_equal(curve.low, curve.high)


@pytest.mark.parametrize("n", [401, 402, 799, 800, 1201])
def test_just_over(n):
    curve = curves.curve([series(np.arange(n))], 400)
    assert len(curve.steps) <= 400
    assert (curve.low[0], curve.high[-1]) == (0, n - 1)
    # Neighbours meet: no value lies in none of them.
    np.testing.assert_array_equal(curve.low[1:], curve.high[:-1] + 1)


def test_seeds_are_a_band_where_they_have_the_step():
    seeds = [series([1, 2, 3]), series([3, 5, 7]), series([2, 20], steps=[0, 9])]
    curve = curves.curve(seeds, 400)
    assert curve.steps.tolist() == [0, 1, 2, 9]
    assert curve.low.tolist() == [1, 2, 3, 20]
    assert curve.mean.tolist() == [2, 3.5, 5, 20]
    assert curve.high.tolist() == [3, 5, 7, 20]


def test_what_is_not_finite_is_left_out():
    curve = curves.curve([series([1, np.nan, 3]), series([np.inf, np.nan, 5])], 400)
    assert curve.steps.tolist() == [0, 2]
    assert curve.mean.tolist() == [1, 4]
    assert len(curves.curve([series([np.nan]), series([np.nan])], 400).steps) == 0


def test_a_page_has_so_many_points_at_most():
    assert curves.points(1) == curves.POINTS
    assert curves.points(180) * 180 <= curves.ALL_POINTS
    assert curves.points(10**9) == curves.FEWEST
