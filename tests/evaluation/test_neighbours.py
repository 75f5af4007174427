import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.evaluation.metrics import neighbours
from jaxgan.evaluation.metrics.neighbours import Memorization, memorization, nearest


@pytest.mark.parametrize(("n", "m", "chunk"), [(70, 53, 16), (5, 100, 32), (64, 64, 64), (9, 3, 1)])
def test_against_torch(n, m, chunk):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 6)), rng.normal(size=(m, 6))
    found, index = nearest(x, y, chunk=chunk)
    expected, where = torch.cdist(torch.tensor(x), torch.tensor(y)).min(dim=1)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-12)
    assert (index == where.numpy()).all()
    assert found.dtype == np.float64
    assert index.dtype == np.int64


def test_copies_are_at_zero_exactly_far_from_the_origin():
    """Without centring, float32 products of values of 1e4 would tell no neighbours apart."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=(300, 20)) + 1e4
    order = rng.permutation(300)
    found, index = nearest(y[order], y, chunk=64)
    assert (index == order).all()
    assert (found == 0).all()
    near, index = nearest(y[order] + 1e-3, y, chunk=64)
    assert (index == order).all()
    np.testing.assert_allclose(near, 1e-3 * np.sqrt(20), rtol=1e-6)


def test_float32_arrays_of_jax():
    x = np.random.default_rng(2).normal(size=(10, 4)).astype(np.float32)
    found, index = nearest(jnp.asarray(x) + 1e-3, jnp.asarray(x))
    assert (index == np.arange(10)).all()
    np.testing.assert_allclose(found, 2e-3, rtol=1e-3)


def test_one_compilation_whatever_the_sizes():
    x = np.random.default_rng(3).normal(size=(100, 3))
    neighbours._nearer.clear_cache()
    for n, m in ((100, 90), (33, 64), (50, 77)):
        nearest(x[:n], x[:m], chunk=32)
    assert neighbours._nearer._cache_size() == 1


def test_unseen_samples_have_ratio_one_and_copies_zero():
    rng = np.random.default_rng(4)
    training, held_out, fresh = rng.normal(size=(3, 3000, 8))
    unseen = memorization(fresh, held_out, training)
    assert unseen.ratio == pytest.approx(1, abs=0.03)
    # 3,000 of probability 0.01 against an empirical percentile: variances of both.
    assert unseen.close_share == pytest.approx(0.01, abs=4 * np.sqrt(2 * 0.01 * 0.99 / 3000))
    assert memorization(training[:500], held_out, training) == Memorization(0.0, 1.0)
    half = np.concatenate([training[:500], fresh[:500]])
    assert memorization(half, held_out, training).close_share == pytest.approx(0.51, abs=0.01)
    noisy = memorization(training + 0.01 * rng.normal(size=(3000, 8)), held_out, training)
    assert noisy.ratio < 0.05
    assert noisy.close_share > 0.99


def test_a_percentile_of_zero_still_counts_copies():
    rng = np.random.default_rng(5)
    training, held_out = rng.normal(size=(2, 200, 4))
    held_out[:10] = training[:10]  # Duplicates between the splits.
    assert memorization(training, held_out, training).close_share == 1
    assert memorization(held_out[10:], held_out, training).close_share == 0


def test_bad_input_is_named():
    x = np.random.default_rng(6).normal(size=(5, 3))
    with pytest.raises(ValueError, match="queries must be"):
        nearest(x[0], x)
    with pytest.raises(ValueError, match="references has features that are not finite"):
        nearest(x, x * np.nan)
    with pytest.raises(ValueError, match="one dimension, got 3 and 2"):
        nearest(x, x[:, :2])
    with pytest.raises(ValueError, match="chunk"):
        nearest(x, x, chunk=0)
    with pytest.raises(ValueError, match="held_out has half"):
        memorization(x + 1, x, x)
    with pytest.raises(ValueError, match="generated must be"):
        memorization(x[:0], x, x)
