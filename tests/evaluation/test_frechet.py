import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import torch

from jaxgan.evaluation.metrics import frechet


def spd(rng, dim, rank=None):
    root = rng.normal(size=(dim, rank or dim))
    return root @ root.T / dim


def exact(mean, cov, n=1000):
    return frechet.Moments(n, mean, cov * (n - 1))


def by_sqrtm(m1, s1, m2, s2):
    return np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)


def test_moments_against_numpy_and_torch():
    x = np.random.default_rng(0).normal(size=(500, 7)) * 3 + 50
    found = frechet.moments(x, chunk=64)
    assert found.n == 500
    assert found.mean.dtype == found.scatter.dtype == np.float64
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(frechet.covariance(found), np.cov(x.T), rtol=1e-11)
    np.testing.assert_allclose(frechet.covariance(found), torch.cov(torch.tensor(x.T)), rtol=1e-11)


def test_a_mean_far_from_zero_does_not_cancel():
    """E[x x^T] - m m^T would lose everything here."""
    x = np.random.default_rng(0).normal(size=(400, 3))
    near, far = frechet.moments(x, chunk=33), frechet.moments(x + 1e7, chunk=33)
    np.testing.assert_allclose(near.scatter, far.scatter, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 99, 100, 10**6])
def test_chunks_and_merging_change_nothing(chunk):
    x = np.random.default_rng(1).normal(size=(301, 5)).astype(np.float32)
    whole = frechet.moments(jnp.asarray(x))
    merged = frechet.Moments(0, np.zeros(5), np.zeros((5, 5)))
    for part in (x[:10], x[10:10], x[10:200], x[200:]):  # One process has nothing.
        merged = frechet.merge(merged, frechet.moments(part, chunk=chunk))
    assert merged.n == whole.n == 301
    np.testing.assert_allclose(merged.mean, whole.mean, atol=1e-14)
    np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-12, atol=1e-11)


def test_closed_form_of_diagonal_gaussians():
    rng = np.random.default_rng(2)
    m1, m2 = rng.normal(size=(2, 6))
    d1, d2 = rng.uniform(0.1, 3.0, size=(2, 6))
    expected = np.sum((m1 - m2) ** 2) + np.sum((np.sqrt(d1) - np.sqrt(d2)) ** 2)
    found = frechet.frechet_distance(exact(m1, np.diag(d1)), exact(m2, np.diag(d2)))
    assert found == pytest.approx(expected, rel=1e-12)


def test_full_covariances_against_sqrtm_and_torch():
    rng = np.random.default_rng(3)
    m1, m2 = rng.normal(size=(2, 20))
    s1, s2 = spd(rng, 20), spd(rng, 20)
    found = frechet.frechet_distance(exact(m1, s1), exact(m2, s2))
    assert found == pytest.approx(by_sqrtm(m1, s1, m2, s2), rel=1e-9)
    roots = torch.linalg.eigvals(torch.tensor(s1 @ s2)).sqrt().real.sum().item()
    assert found == pytest.approx(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2) - 2 * roots, rel=1e-9)


def test_covariances_without_full_rank():
    """Commuting ones with a closed form, of ranks 5 and 8 in 60 dimensions."""
    rng = np.random.default_rng(4)
    basis = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    v1, v2 = np.zeros((2, 60))
    v1[:5], v2[2:10] = rng.uniform(1, 5, 5), rng.uniform(1, 5, 8)
    one = exact(np.zeros(60), (basis * v1) @ basis.T)
    two = exact(np.zeros(60), (basis * v2) @ basis.T)
    expected = np.sum((np.sqrt(v1) - np.sqrt(v2)) ** 2)
    assert frechet.frechet_distance(one, two) == pytest.approx(expected, rel=1e-6)
    assert frechet.frechet_distance(two, one) == pytest.approx(expected, rel=1e-6)
    assert 0.0 <= frechet.frechet_distance(one, one) < 1e-5


def test_its_bias_for_equal_gaussians_is_that_of_theory():
    """In one dimension E[(m - m')^2] + E[(s - s')^2] is 2/n + 1/n + O(1/n^2) for N(0, 1)."""
    rng = np.random.default_rng(5)
    n = 50
    found = [
        frechet.frechet_distance(*(frechet.moments(rng.normal(size=(n, 1))) for _ in range(2)))
        for _ in range(2000)
    ]
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(3 / n, abs=4 * error + 1 / n**2)


def test_samples_of_known_gaussians_come_to_the_closed_form():
    rng = np.random.default_rng(6)
    scale = np.array([1.0, 2.0, 0.5, 1.5])
    x, y = rng.normal(size=(20_000, 4)), rng.normal(size=(20_000, 4)) * scale + 0.5
    expected = 4 * 0.25 + np.sum((scale - 1) ** 2)
    found = frechet.frechet_distance(frechet.moments(x), frechet.moments(y))
    assert found == pytest.approx(expected, rel=0.03)


def test_rank_warning():
    assert frechet.rank_warning(2049, 2048) == ""
    line = frechet.rank_warning(2048, 2048)
    assert "2048" in line
    assert "2047" in line
    assert "\n" not in line


def test_bad_input_is_named():
    x = np.ones((4, 3))
    x[2, 1] = np.nan
    with pytest.raises(ValueError, match="features are not finite"):
        frechet.moments(x)
    with pytest.raises(ValueError, match=r"features must be \[n, D\]"):
        frechet.moments(np.ones(3))
    with pytest.raises(ValueError, match="chunk"):
        frechet.moments(np.ones((2, 3)), chunk=0)
    one, three = frechet.moments(np.ones((1, 3))), frechet.moments(np.ones((3, 3)))
    with pytest.raises(ValueError, match="n must be at least 2"):
        frechet.frechet_distance(one, three)
    other = frechet.moments(np.ones((3, 2)))
    with pytest.raises(ValueError, match="3 and 2"):
        frechet.frechet_distance(three, other)
    with pytest.raises(ValueError, match="3 and 2"):
        frechet.merge(three, other)
