import math

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxgan.evaluation.metrics import modes


def grid():
    ticks = np.array([-4.0, -2.0, 0.0, 2.0, 4.0])
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)


def perfect(rng, means, sigma, n):
    return means[rng.integers(len(means), size=n)] + sigma * rng.normal(size=(n, 2))


def test_against_a_loop():
    rng = np.random.default_rng(0)
    means, sigma = rng.normal(size=(6, 2)), 0.2
    points = rng.normal(size=(80, 2)) * np.array([0.5, 1.5])
    captured, good, counts = set(), 0, np.zeros(6)
    for p in points:
        distances = [math.dist(p, m) for m in means]
        k = int(np.argmin(distances))
        counts[k] += 1
        if distances[k] <= 3 * sigma:
            good += 1
            captured.add(k)
    found = modes.mixture_coverage(jnp.asarray(points, jnp.float32), means, sigma)
    assert found.modes == len(captured)
    assert found.high_quality == good / 80
    assert found.reverse_kl == pytest.approx(
        scipy.special.rel_entr(counts / counts.sum(), 1 / 6).sum()
    )


def test_a_mode_needs_a_high_quality_sample_but_the_divergence_counts_all():
    means = np.array([[0.0, 0.0], [10.0, 0.0]])
    points = np.array([[0.1, 0.0], [0.0, 0.1], [9.0, 0.0], [8.0, 0.0]])
    found = modes.mixture_coverage(points, means, 0.1)
    assert found == modes.MixtureCoverage(modes=1, high_quality=0.5, reverse_kl=0.0)
    collapsed = modes.mixture_coverage(points[:2], means, 0.1)
    assert collapsed.reverse_kl == pytest.approx(math.log(2))


def test_three_sigma_is_the_edge():
    means = np.zeros((1, 2))
    inside, outside = np.array([[2.99, 0.0]]), np.array([[2.2, 2.2]])  # 3.11 away, not 2.2.
    assert modes.mixture_coverage(inside, means, 1.0).high_quality == 1
    assert modes.mixture_coverage(outside, means, 1.0).high_quality == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_perfect_sampler_reaches_floor_and_ceiling(seed):
    n, sigma = 10_000, 0.05
    found = modes.mixture_coverage(
        perfect(np.random.default_rng(seed), grid(), sigma, n), grid(), sigma
    )
    floor, error = modes.reverse_kl_floor(25, n)
    ceiling = modes.high_quality_ceiling()
    assert found.modes == 25
    assert abs(found.reverse_kl - floor) < 3 * error
    assert abs(found.high_quality - ceiling) < 3 * math.sqrt(ceiling * (1 - ceiling) / n)


def test_floor_and_its_deviation_are_those_of_many_draws():
    rng = np.random.default_rng(3)
    n, K = 26_000, 1000
    found = [modes.class_coverage(rng.integers(K, size=n), K).reverse_kl for _ in range(300)]
    floor, error = modes.reverse_kl_floor(K, n)
    next_term = K**2 / (12 * n**2)
    assert np.mean(found) == pytest.approx(floor + next_term, abs=4 * error / math.sqrt(300))
    assert np.std(found) == pytest.approx(error, rel=0.2)


def test_ceilings():
    assert modes.high_quality_ceiling() == pytest.approx(1 - math.exp(-4.5), rel=1e-14)
    assert modes.high_quality_ceiling() == pytest.approx(scipy.special.chdtr(2, 9))
    assert modes.modes_ceiling(4, 1) == pytest.approx(1)
    assert modes.modes_ceiling(4, 1, 0.5) == pytest.approx(0.5)
    rng = np.random.default_rng(4)
    found = [modes.class_coverage(rng.integers(50, size=60), 50).modes for _ in range(2000)]
    assert np.mean(found) == pytest.approx(modes.modes_ceiling(50, 60), abs=0.2)


def test_stacked_classes_and_their_coverage():
    digits = np.array([[0, 0, 0], [9, 9, 9], [1, 2, 3], [1, 2, 3]], np.uint8)
    classes = modes.stacked_classes(jnp.asarray(digits))
    assert classes.tolist() == [0, 999, 123, 123]
    assert modes.stacked_classes(digits.astype(np.uint64)).dtype == np.int64
    found = modes.class_coverage(classes, 1000)
    assert found.modes == 3
    expected = 2 * 0.25 * math.log(0.25 * 1000) + 0.5 * math.log(0.5 * 1000)
    assert found.reverse_kl == pytest.approx(expected)


def test_expected_weights():
    classes = np.array([0, 0, 0, 1])
    assert modes.class_coverage(classes, 2, [30, 10]).reverse_kl == pytest.approx(0, abs=1e-15)
    found = modes.class_coverage(classes, 2, [1, 1]).reverse_kl
    assert found == pytest.approx(scipy.special.rel_entr([0.75, 0.25], 0.5).sum())
    assert modes.class_coverage(classes, 3, [1, 0, 1]).reverse_kl == math.inf


def test_bad_input_is_named():
    means = np.zeros((3, 2))
    with pytest.raises(ValueError, match="points are not finite"):
        modes.mixture_coverage(np.full((3, 2), np.nan), means, 1.0)
    with pytest.raises(ValueError, match="points must be"):
        modes.mixture_coverage(np.zeros((0, 2)), means, 1.0)
    with pytest.raises(ValueError, match="coordinates"):
        modes.mixture_coverage(np.zeros((4, 3)), means, 1.0)
    with pytest.raises(ValueError, match="sigma"):
        modes.mixture_coverage(means, means, 0.0)
    with pytest.raises(ValueError, match=r"classes must lie in 0 ... 2, got 0 to 3"):
        modes.class_coverage(np.array([0, 3]), 3)
    with pytest.raises(ValueError, match="classes must be integers"):
        modes.class_coverage(np.array([0.5]), 3)
    with pytest.raises(ValueError, match="expected must be 3 weights"):
        modes.class_coverage(np.array([0]), 3, [1, -1, 1])
    with pytest.raises(ValueError, match=r"digits must lie in 0 ... 9"):
        modes.stacked_classes(np.array([[0, 10, 0]]))
    with pytest.raises(ValueError, match="digits must be integers"):
        modes.stacked_classes(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="num_modes and n"):
        modes.reverse_kl_floor(3, 0)
    with pytest.raises(ValueError, match="share"):
        modes.modes_ceiling(3, 5, 1.5)
