"""DiffAugment, flips and noise against NumPy, and every augmentation on several devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan import augment
from jaxgan.base import draws
from tests.conftest import quickly

KEY = jax.random.key(7)
# What is compiled here runs once: half the time to compile is worth more than speed.
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def images(shape=(4, 8, 6, 3), seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def sample_key(i):
    return jax.random.fold_in(KEY, i)


ALL = {
    "horizontal_flip": augment.horizontal_flip,
    "instance_noise": lambda k, x, **o: augment.instance_noise(k, x, 0.1, **o),
    "diff_augment": augment.diff_augment,
    "ada": lambda k, x, **o: augment.ada(k, x, 0.8, transforms=augment.TRANSFORMS, **o),
}


def test_color_equals_numpy():
    x = images()
    out = augment.color(KEY, x)
    for i, image in enumerate(x.astype(np.float64)):
        b, s, c = np.asarray(jax.random.uniform(sample_key(i), (3,)), np.float64)
        image = image + b - 0.5
        grey = image.mean(-1, keepdims=True)
        image = (image - grey) * 2 * s + grey
        image = (image - image.mean()) * (c + 0.5) + image.mean()
        np.testing.assert_allclose(out[i], image, rtol=1e-5, atol=1e-5)


def test_translation_shifts_and_fills_with_zeros():
    x = images((64, 16, 24, 1))
    out = np.asarray(augment.translation(KEY, x, ratio=0.125))
    seen, most = set(), jnp.array([2, 3])
    draw = jax.jit(lambda k: jax.random.randint(k, (2,), -most, most + 1))
    for i, image in enumerate(x):
        dy, dx = np.asarray(draw(sample_key(i)))
        seen |= {("y", int(dy)), ("x", int(dx))}
        expected = np.zeros_like(image)
        for y in range(16):
            for column in range(24):
                if 0 <= y - dy < 16 and 0 <= column - dx < 24:
                    expected[y, column] = image[y - dy, column - dx]
        np.testing.assert_array_equal(out[i], expected)
    assert seen == {("y", i) for i in range(-2, 3)} | {("x", i) for i in range(-3, 4)}


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 9)])
def test_cutout_covers_half_of_each_side_where_it_fits(height, width):
    x = np.ones((300, height, width, 2), np.float32)
    gone = np.asarray(augment.cutout(KEY, x)[..., 0]) == 0
    size = int(height / 2 + 0.5), int(width / 2 + 0.5)
    rows, columns = gone.any(2).sum(1), gone.any(1).sum(1)
    assert (gone.sum((1, 2)) == rows * columns).all()  # a rectangle
    assert rows.max() == size[0]
    assert columns.max() == size[1]
    # The centre is anywhere, so that at a border half of it is outside.
    assert rows.min() == (size[0] + 1) // 2
    assert columns.min() == (size[1] + 1) // 2
    rows_seen, columns_seen = gone.any(2), gone.any(1)
    for end in (0, -1):  # and so at either end
        assert rows[rows_seen[:, end]].min() == (size[0] + 1) // 2
        assert columns[columns_seen[:, end]].min() == (size[1] + 1) // 2


def test_policies_draw_apart_and_keep_their_order():
    x = images()
    both = augment.diff_augment(KEY, x, policy="color,cutout")
    np.testing.assert_array_equal(both, augment.diff_augment(KEY, x, policy=["color", "cutout"]))
    alone = augment.diff_augment(KEY, x, policy="cutout")
    assert ((both == 0) == (alone == 0)).all()  # the same rectangle, colour or not
    np.testing.assert_array_equal(augment.diff_augment(KEY, x, policy=()), x)


def test_horizontal_flip():
    x = images((1000, 2, 3, 1))
    out = np.asarray(augment.horizontal_flip(KEY, x))
    flipped = (out == x[:, :, ::-1]).all((1, 2, 3))
    assert ((out == x).all((1, 2, 3)) ^ flipped).all()
    assert 0.45 < flipped.mean() < 0.55
    np.testing.assert_array_equal(augment.horizontal_flip(KEY, x, probability=1.0), x[:, :, ::-1])
    np.testing.assert_array_equal(augment.horizontal_flip(KEY, x, probability=0.0), x)


def test_instance_noise_has_the_standard_deviation():
    x = images((500, 4, 4, 1))
    noise = augment.instance_noise(KEY, x, 0.2) - x
    np.testing.assert_allclose(noise.std(), 0.2, rtol=0.03)  # not the variance
    np.testing.assert_allclose(noise.mean(), 0, atol=0.01)
    np.testing.assert_array_equal(augment.instance_noise(KEY, x, 0.0), x)


@pytest.mark.parametrize("shape", [(6, 2), (6, 5, 3), (6, 4, 4, 3)])
def test_instance_noise_of_samples_of_any_shape_is_each_ones_own(shape):
    x, keys = images(shape), augment.sample_keys(KEY, 6)
    expected = x + np.float32(0.3) * draws.normal(keys, shape[1:])
    for key in (KEY, keys):
        np.testing.assert_array_equal(augment.instance_noise(key, x, 0.3), expected)


@settings(deadline=None, max_examples=10)
@given(step=st.integers(0, 300))
def test_annealing_is_linear_then_flat(step):
    value = augment.anneal(step, initial=0.5, steps=200, final=0.1)
    np.testing.assert_allclose(value, np.interp(step, [0, 200], [0.5, 0.1]), rtol=1e-5)
    assert value.dtype == jnp.float32


@pytest.mark.parametrize("name", ALL)
def test_a_sample_does_not_depend_on_its_batch(name):
    x, function = images(), jit(ALL[name])
    keys, order = augment.sample_keys(KEY, 4), np.array([2, 0, 3, 1])
    whole = function(keys, x)
    np.testing.assert_allclose(function(keys[order], x[order]), whole[order], atol=1e-6)
    assert (
        len({np.asarray(image - x[0]).tobytes() for image in function(keys, x[:1].repeat(4, 0))})
        > 1
    )


@pytest.mark.parametrize("name", ALL)
def test_differentiable_and_linear_in_the_image(name):
    # For a given key each of them is an affine map: a difference is its derivative, exactly, and
    # the transpose of that is what backpropagation takes.
    x, v, y = images((2, 8, 6, 3)), images((2, 8, 6, 3), 1), images((2, 8, 6, 3), 2)

    @jit
    def both(x, v, y):
        f = partial(ALL[name], KEY)
        out, pullback = jax.vjp(f, x)
        difference = f(x + v) - out
        return difference, jnp.vdot(difference, y), jnp.vdot(pullback(y)[0], v)

    difference, forward, backward = both(x, v, y)
    assert np.abs(difference).max() > 0.1
    np.testing.assert_allclose(forward, backward, rtol=1e-4, atol=1e-4)


def test_a_penalty_goes_through():
    # R1 with respect to the image before ADA, as StyleGAN2-ADA takes it, wants a second gradient.
    x = images((2, 8, 6, 3))

    def penalty(w):
        critic = lambda x: jnp.tanh(w * ALL["ada"](KEY, x)).sum((1, 2, 3))  # noqa: E731
        return jnp.sum(jnp.square(jax.grad(lambda x: critic(x).sum())(x)))

    values, slopes = jit(jax.vmap(jax.value_and_grad(penalty)))(jnp.array([0.49, 0.5, 0.51]))
    assert (values > 0).all()
    np.testing.assert_allclose(slopes[1], (values[2] - values[0]) / 0.02, rtol=1e-2)


@pytest.mark.parametrize("name", ["diff_augment", "ada"])
def test_under_vmap_over_seeds(name):
    x, keys = images((2, 8, 6, 3)), jax.random.split(KEY, 2)
    out = jit(jax.vmap(ALL[name], (0, None)))(keys, x)
    np.testing.assert_allclose(out[1], jit(ALL[name])(keys[1], x), atol=1e-5)


@pytest.mark.parametrize("name", ["diff_augment", "ada"])
def test_bfloat16_stays_bfloat16(name):
    x = jnp.asarray(images(), jnp.bfloat16)
    out, full = jit(lambda x: (ALL[name](KEY, x), ALL[name](KEY, x.astype(jnp.float32))))(x)
    assert out.dtype == jnp.bfloat16
    np.testing.assert_array_equal(out, full.astype(jnp.bfloat16))


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
@pytest.mark.parametrize("name", quickly([(name,) for name in ALL], 2, 3))
def test_devices_do_not_change_the_draws(name):
    x, devices = images((8, 8, 6, 3)), jax.devices()[:4]
    mesh = Mesh(np.array(devices), ("data",), axis_types=(AxisType.Auto,))
    named = partial(ALL[name], axis_name="data")
    mapped = jax.pmap(named, "data", in_axes=(None, 0), devices=devices)(
        KEY, x.reshape(4, 2, 8, 6, 3)
    )
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    compiled = jit(ALL[name], out_shardings=sharding).lower(KEY, jax.device_put(x, sharding))
    compiled = compiled.compile()
    assert "all-gather" not in compiled.as_text()  # each device makes its own samples
    sharded = compiled(KEY, jax.device_put(x, sharding))
    np.testing.assert_allclose(mapped.reshape(x.shape), sharded, atol=1e-5)
    keys = augment.sample_keys(KEY, 8)[4:6]  # and those of the third device by themselves
    np.testing.assert_allclose(mapped[2], jit(ALL[name])(keys, x[4:6]), atol=1e-5)


def test_bad_arguments_are_named():
    x = images()
    cases = {
        "images": lambda: augment.diff_augment(KEY, x[0]),
        "images has": lambda: augment.ada(KEY, x[0], 0.5),
        "policy": lambda: augment.diff_augment(KEY, x, policy="colour"),
        "ratio": lambda: augment.translation(KEY, x, ratio=2.0),
        "ratio is": lambda: augment.cutout(KEY, x, ratio=-1.0),
        "probability": lambda: augment.horizontal_flip(KEY, x, probability=1.1),
        "sigma": lambda: augment.instance_noise(KEY, x, -1.0),
        "steps": lambda: augment.anneal(0, initial=1.0, steps=0),
        "key": lambda: augment.horizontal_flip(jax.random.split(KEY, 3), x),
        "transforms": lambda: augment.ada(KEY, x, 0.5, transforms=("flop",)),
        "channels": lambda: augment.ada(KEY, x[..., :2], 0.5),
        "too small": lambda: augment.ada(KEY, x[:, :1], 0.5),
        "interval": lambda: augment.ada_update(augment.ada_init(), x, interval=0),
        "images_to_full": lambda: augment.ada_update(augment.ada_init(), x, images_to_full=-1),
    }
    for name, call in cases.items():
        with pytest.raises(ValueError, match=name):
            call()
