import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import torch
from jax.sharding import PartitionSpec

from jaxgan.evaluation.metrics.diversity import (
    intra_class_distance,
    mean_pairwise_distance,
    total_variance,
)


@pytest.mark.parametrize(("n", "chunk"), [(100, 32), (64, 64), (2, 2048), (77, 16)])
def test_all_pairs_against_scipy_and_torch(n, chunk):
    x = np.random.default_rng(n).normal(size=(n, 5)) + 1000
    expected = scipy.spatial.distance.pdist(x).mean()
    assert mean_pairwise_distance(x, chunk=chunk) == pytest.approx(expected, rel=1e-5)
    assert torch.pdist(torch.tensor(x)).mean().item() == pytest.approx(expected)


def test_closed_form_of_gaussians():
    """The gap of two is N(0, 2 I): its mean length is 2 Gamma((d + 1) / 2) / Gamma(d / 2)."""
    x = np.random.default_rng(0).normal(size=(3000, 9))
    expected = 2 * math.gamma(5) / math.gamma(4.5)
    assert mean_pairwise_distance(jnp.asarray(x)) == pytest.approx(expected, rel=0.01)
    found = mean_pairwise_distance(x, pairs=20_000, chunk=999)
    assert found == pytest.approx(expected, rel=0.02)


def test_drawn_pairs_are_of_different_samples_and_uniform():
    x = np.array([[0.0], [1.0]])
    assert mean_pairwise_distance(x, pairs=50) == 1
    y = np.random.default_rng(1).normal(size=(6, 2)) ** 3
    found = mean_pairwise_distance(y, pairs=40_000)
    assert found == pytest.approx(scipy.spatial.distance.pdist(y).mean(), rel=0.02)
    assert found == pytest.approx(mean_pairwise_distance(y, pairs=40_000, chunk=170), rel=1e-12)
    assert found != mean_pairwise_distance(y, pairs=40_000, seed=1)


def test_a_collapsed_set_has_none():
    x = np.full((50, 7), 123.456)
    assert mean_pairwise_distance(x) == pytest.approx(0, abs=1e-4)
    assert total_variance(jnp.asarray(x)) == pytest.approx(0, abs=1e-6)


def test_intra_class_distance_weighs_classes_equally():
    rng = np.random.default_rng(2)
    labels = np.array([0] * 40 + [3] * 10 + [7])
    x = rng.normal(size=(51, 4)) * np.where(labels == 3, 5.0, 1.0)[:, None] + labels[:, None]
    order = rng.permutation(51)
    parts = [scipy.spatial.distance.pdist(x[labels == c]).mean() for c in (0, 3)]
    found = intra_class_distance(x[order], labels[order], chunk=16)
    assert found == pytest.approx(np.mean(parts), rel=1e-5)
    drawn = intra_class_distance(x, jnp.asarray(labels), pairs=20_000)
    assert drawn == pytest.approx(np.mean(parts), rel=0.02)


def test_total_variance_is_half_the_mean_squared_distance():
    x = np.random.default_rng(3).normal(size=(20, 3, 2)) + 50
    flat = x.reshape(20, 6)
    found = jax.jit(total_variance)(jnp.asarray(x))
    assert found.dtype == jnp.float32
    half = (scipy.spatial.distance.pdist(flat) ** 2).mean() / 2
    assert found == pytest.approx(half, rel=1e-4)
    assert found == pytest.approx(torch.tensor(flat).var(dim=0).sum().item(), rel=1e-4)


def test_total_variance_has_the_gradient_of_its_formula():
    x = jnp.asarray(np.random.default_rng(4).normal(size=(8, 3)), jnp.float32)
    expected = 2 * (x - x.mean(axis=0)) / 7
    np.testing.assert_allclose(jax.grad(total_variance)(x), expected, rtol=1e-4, atol=1e-6)
    assert jnp.isfinite(jax.grad(total_variance)(jnp.ones((4, 3)))).all()


def test_total_variance_over_devices_is_that_of_the_whole_batch():
    x = jnp.asarray(np.random.default_rng(5).normal(size=(8, 3)), jnp.float32)
    mesh = jax.make_mesh((4,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    mapped = jax.shard_map(
        lambda rows: total_variance(rows, axis_name="batch"),
        mesh=mesh,
        in_specs=PartitionSpec("batch"),
        out_specs=PartitionSpec(),
    )
    assert jax.jit(mapped)(x) == pytest.approx(float(total_variance(x)), rel=1e-6)


def test_bad_input_is_named():
    x = np.random.default_rng(6).normal(size=(4, 3))
    with pytest.raises(ValueError, match=r"features must be .* at least 2"):
        mean_pairwise_distance(x[:1])
    with pytest.raises(ValueError, match="not finite"):
        mean_pairwise_distance(x * np.nan)
    with pytest.raises(ValueError, match="pairs"):
        mean_pairwise_distance(x, pairs=0)
    with pytest.raises(ValueError, match="chunk"):
        mean_pairwise_distance(x, pairs=3, chunk=0)
    with pytest.raises(ValueError, match="labels must be integers"):
        intra_class_distance(x, np.zeros(3, int))
    with pytest.raises(ValueError, match="no class with two"):
        intra_class_distance(x, np.arange(4))
    with pytest.raises(ValueError, match="at least 2 samples"):
        total_variance(jnp.ones((1, 3)))
