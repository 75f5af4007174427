import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import evaluation
from jaxgan.evaluation import sliced_wasserstein
from tests.conftest import smoke


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


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        sliced_wasserstein(jnp.zeros((3, 2)), jnp.zeros((4, 2)), jax.random.key(0))


def test_held_out_sets_are_disjoint_test_samples():
    settings = smoke("dcgan_digits", "evaluation.n=100")
    first, second = evaluation.held_out_samples(settings)
    assert first.shape == second.shape == (100, 8, 8, 1)
    train = {x.tobytes() for x in np.asarray(all_of(settings, "train"))}
    test = {x.tobytes() for x in np.asarray(all_of(settings, "test"))}
    assert {x.tobytes() for x in first} <= test
    assert not {x.tobytes() for x in first} & {x.tobytes() for x in second}
    assert len(train & test) < 5


def all_of(settings, split):
    from jaxgan import data

    source = data.open_source(settings.data, split)
    return data.to_float(source.read(np.arange(source.size)))["image"]


def test_a_perfect_sampler_reaches_the_floor_and_a_bad_one_does_not():
    settings = smoke("dcgan_digits", "evaluation.n=140")
    held_out = evaluation.held_out_samples(settings)
    real = np.asarray(all_of(settings, "train"))
    good = evaluation.measure(lambda key, n: real[:n], held_out, jax.random.key(0), {"step": 3})
    bad = evaluation.measure(lambda key, n: real[:n] * 0, held_out, jax.random.key(0), {"step": 3})
    assert good["value"] < 1.3 * good["floor"]
    assert bad["value"] > 3 * bad["floor"]
    assert good["n_fake"] == 140
    assert good["step"] == 3
