import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import draws


def test_a_key_belongs_to_a_sample_whatever_the_devices():
    whole = draws.sample_keys(jax.random.key(3), 8)
    mapped = jax.pmap(
        lambda key, x: jax.random.key_data(draws.sample_keys(key, x.size, "data")),
        axis_name="data",
        in_axes=(None, 0),
        devices=jax.devices()[:4],
    )(jax.random.key(3), jnp.zeros((4, 2)))
    np.testing.assert_array_equal(
        np.asarray(mapped).reshape(8, -1), np.asarray(jax.random.key_data(whole))
    )


def test_keys_are_distinct_and_so_are_their_purposes():
    keys = draws.sample_keys(jax.random.key(0), 100)
    together = [keys, draws.fold(keys, 0), draws.fold(keys, 1)]
    rows = np.concatenate([np.asarray(jax.random.key_data(k)) for k in together])
    assert len({row.tobytes() for row in rows}) == 300


def test_draws_are_standard_normal():
    z = draws.normal(draws.sample_keys(jax.random.key(0), 4000), (5,))
    assert z.shape == (4000, 5)
    assert abs(z.mean()) < 0.03
    assert abs(z.std() - 1) < 0.03
