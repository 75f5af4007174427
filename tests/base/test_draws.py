import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import augment, nn, regularizers
from jaxgan.adversarial import buffers
from jaxgan.augment.draws import draw
from jaxgan.base import draws


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


def test_draws_are_the_same_with_64_bits_allowed():
    key = jax.random.key(0)
    images = jax.random.normal(key, (4, 8, 8, 3), jnp.float32)

    always = dict.fromkeys(augment.TRANSFORMS, 1.0)

    def drawn():
        keys = draws.sample_keys(key, 4)
        buffer = buffers.replay_insert(buffers.replay_init(4, images[0]), images)
        return (
            draws.normal(keys, (5,)),
            nn.sample_noise(keys, 4, 4),
            augment.diff_augment(key, images),
            jax.vmap(lambda k: draw(k, jnp.float32(0.5), always))(keys),
            augment.horizontal_flip(key, images),
            augment.instance_noise(key, images, 0.1),
            buffers.image_pool_query(key, buffer, images)[0],
            buffers.replay_query(key, buffer, images)[0],
            regularizers.perturb_latents(key, images),
            regularizers.spectral_init(key, images[0]),
            regularizers.dragan(lambda x: jnp.sum(jnp.tanh(x), (1, 2, 3)), images, key),
        )

    expected = jax.jit(drawn)()
    with jax.enable_x64(True):
        found = jax.jit(drawn)()
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_draws_are_standard_normal():
    z = draws.normal(draws.sample_keys(jax.random.key(0), 4000), (5,))
    assert z.shape == (4000, 5)
    assert abs(z.mean()) < 0.03
    assert abs(z.std() - 1) < 0.03


def test_what_is_truncated_is_each_samples_own():
    keys = draws.sample_keys(jax.random.key(0), 3)
    found = draws.truncated_normal(keys, (400,), 0.5)
    assert 0.45 < np.abs(found).max() <= 0.5
    np.testing.assert_array_equal(draws.truncated_normal(keys[1:], (400,), 0.5), found[1:])
