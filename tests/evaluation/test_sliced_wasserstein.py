import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.evaluation import sliced_wasserstein


def reference(x, y, directions):
    """NumPy, float64, one direction at a time."""
    total = []
    for u in directions.T:
        total.append(np.mean((np.sort(x @ u) - np.sort(y @ u)) ** 2))
    return np.sqrt(np.mean(total))


def test_against_numpy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4, 3)), rng.normal(size=(50, 4, 3)) + 0.5
    key = jax.random.key(1)
    directions = np.asarray(jax.random.normal(key, (12, 256)), np.float64)
    directions /= np.linalg.norm(directions, axis=0)
    expected = reference(x.reshape(50, 12), y.reshape(50, 12), directions)
    found = sliced_wasserstein(jnp.asarray(x), jnp.asarray(y), key)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_shift_is_its_length_over_the_root_of_the_dimension():
    """Along u a shift by s moves all by s u, and E[(s u)^2] = |s|^2 / d."""
    x = jax.random.normal(jax.random.key(0), (500, 16))
    shift = jnp.ones(16) * 0.7
    found = sliced_wasserstein(x, x + shift, jax.random.key(1), projections=4000)
    assert found == pytest.approx(0.7 * 4 / 4, rel=0.03)
    assert sliced_wasserstein(x, x[::-1], jax.random.key(1)) < 1e-6


def test_equal_samples_have_a_gradient():
    x = jax.random.normal(jax.random.key(0), (5, 3))
    gradient = jax.grad(lambda y: sliced_wasserstein(x, y, jax.random.key(1), projections=4))(x)
    assert not gradient.any()


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        sliced_wasserstein(jnp.zeros((3, 2)), jnp.zeros((4, 2)), jax.random.key(0))
