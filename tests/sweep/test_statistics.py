"""Intervals and numbers of seeds against tables, SciPy's own test and simulation."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.sweep import statistics


def test_the_interval_is_that_of_the_t_test():
    x = [3.1, 2.7, 3.9, 3.3, 2.2]
    found = statistics.interval(x)
    low, high = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    assert found.mean - found.half == pytest.approx(low)
    assert found.mean + found.half == pytest.approx(high)
    assert found.n == 5


def test_one_value_has_no_interval_and_none_no_mean():
    one = statistics.interval([2.0])
    assert one.mean == 2.0
    assert np.isnan(one.half)
    assert np.isnan(statistics.interval([]).mean)


def with_effect(effect, n=10):
    """Differences whose mean over their standard deviation is ``effect``."""
    x = np.arange(n) - (n - 1) / 2
    return x / x.std(ddof=1) + effect


# Cohen's tables for a paired, two-sided test at 5 % and a power of 80 %, as G*Power has them.
@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15), (-0.8, 15), (1.0, 10)])
def test_seeds_needed_as_in_tables(effect, n):
    assert statistics.seeds_needed(with_effect(effect)) == n


def test_the_power_as_simulated():
    rng = np.random.default_rng(0)
    x = rng.normal(0.9, 1.0, (20_000, 8))
    t = np.sqrt(8) * x.mean(1) / x.std(1, ddof=1)
    found = np.mean(t > stats.t.ppf(0.975, 7))
    assert statistics.power(0.9, 8) == pytest.approx(found, abs=0.01)


def test_no_advice_without_spread_and_an_end_of_it():
    assert statistics.seeds_needed([1.0]) is None
    assert statistics.seeds_needed([1.0, 1.0]) is None
    assert statistics.seeds_needed(with_effect(0.01)) == statistics.MANY + 1


def test_rounding_is_no_spread():
    assert np.std([0.1] * 3, ddof=1) > 0
    assert statistics.interval([0.1] * 3)[1:] == (0.0, 3)
    assert statistics.interval([1e-8] * 3).half == 0
    assert statistics.interval([1e-8, 2e-8]).half > 0
    assert statistics.seeds_needed([0.1] * 3) is None
    assert statistics.seeds_needed([0.3 - 0.2, 0.4 - 0.3, 0.5 - 0.4]) is None
    assert np.isnan(statistics.interval([0.1, np.nan]).half)
