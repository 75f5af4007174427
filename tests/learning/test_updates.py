import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.learning import updates


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 5), b=st.integers(1, 4), devices=st.sampled_from([1, 2, 4]))
def test_minibatches_are_cut_alike_on_any_number_of_devices(n, b, devices):
    x = np.arange(n * b * devices)
    whole = updates.split({"x": jnp.asarray(x)}, n)["x"]
    parts = [updates.split(jnp.asarray(part), n) for part in np.split(x, devices)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_repeat_is_a_loop():
    def update(carry, x):
        return carry * 2 + x, {"seen": x}

    for n in (1, 3, 20):
        carry, metrics = updates.repeat(update, jnp.float32(1), jnp.arange(n, dtype=jnp.float32))
        expected = 1.0
        for x in range(n):
            expected = expected * 2 + x
        assert carry == expected
        assert metrics["seen"] == n - 1


def test_the_average_warms_up_and_then_decays():
    old, new = jnp.float32(1.0), jnp.float32(3.0)
    assert np.isclose(
        updates.average(old, new, updates.bounded(0.9, jnp.int32(0))), 0.1 * 1 + 0.9 * 3
    )
    assert np.isclose(
        updates.average(old, new, updates.bounded(0.9, jnp.int32(10**6))), 0.9 * 1 + 0.1 * 3
    )


def test_statistics_of_several_networks_are_means_over_the_parts_too():
    def gradient(part):
        stats = {"g": {"batch_stats": {"m": part.mean()}, "spectral": {"u": part.max()}}}
        return part.mean(), (stats, {})

    rows = jnp.arange(8.0)
    _, (whole, _) = updates.accumulate(gradient, rows, 1)
    _, (parts, _) = updates.accumulate(gradient, rows, 2)
    assert parts["g"]["batch_stats"] == whole["g"]["batch_stats"]
    assert parts["g"]["spectral"] == whole["g"]["spectral"]  # of the last part: it holds the 7


def test_with_a_start_the_average_is_a_copy_and_then_decays():
    """The values of BigGAN-PyTorch's class for sources 1, 2, ..., 7 from iteration 0 on."""
    average, found = jnp.float32(1.0), []
    for t in range(7):
        average = updates.average(
            average, jnp.float32(t + 1), updates.bounded(0.9, jnp.int32(t), 3)
        )
        found.append(float(average))
    np.testing.assert_allclose(found, [1, 2, 3, 3.1, 3.29, 3.561, 3.9049], rtol=1e-6)
