"""What ADA draws, against the paper's distributions, and its controller against a plain loop."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, PartitionSpec

from jaxgan import augment
from jaxgan.augment.draws import _equalize, draw


@jax.jit
def many(p):
    keys = jax.random.split(jax.random.key(0), 20_000)
    return jax.vmap(lambda k: draw(k, p, dict.fromkeys(augment.TRANSFORMS, 1.0)))(keys)


def test_strengths_are_those_of_the_paper():
    d = jax.tree.map(np.asarray, many(1.0))
    log2 = {name: np.log2(getattr(d, name)) for name in ("scale", "stretch", "contrast")}
    stds = {
        "scale": (log2["scale"], 0.2),
        "stretch": (log2["stretch"], 0.2),
        "contrast": (log2["contrast"], 0.5),
        "saturation": (np.log2(d.saturation), 1.0),
        "brightness": (d.brightness, 0.2),
        "fractional_shift": (d.fractional_shift, 0.125),
        "integer_shift": (d.integer_shift, 0.25 / math.sqrt(12)),
        "rotation": (d.rotation_before, math.pi / math.sqrt(3)),
        "hue": (d.hue, math.pi / math.sqrt(3)),
        "cutout_centre": (d.cutout_centre - 0.5, 1 / math.sqrt(12)),
    }
    for name, (values, std) in stds.items():
        np.testing.assert_allclose(values.std(), std, rtol=0.03, err_msg=name)
        np.testing.assert_allclose(values.mean(), 0, atol=0.03 * std, err_msg=name)
    np.testing.assert_allclose(np.mean(d.noise**2), 0.01, rtol=0.04)
    np.testing.assert_allclose(np.bincount(d.quarter_turns.astype(int)), [5000] * 4, rtol=0.05)
    for coin in (d.flip, d.luma_flip):
        np.testing.assert_allclose(np.bincount(coin.astype(int)), [10_000] * 2, rtol=0.03)
    assert (d.cutout == 0.5).all()
    power = np.array([10, 1, 1, 1]) / 13
    assert d.gains.std(0).min() > 0.2
    one = np.array([1.0, 1.0, 4.0, 1.0])  # a band alone keeps the power of a natural image
    expected = one / np.sqrt(np.sum(power * one**2))
    np.testing.assert_allclose(_equalize(list(one)), expected, rtol=1e-6)


def test_probabilities():
    d = jax.tree.map(np.asarray, many(0.3))
    rotated = (d.rotation_before != 0) | (d.rotation_after != 0)
    happened = {
        "flip": 2 * np.mean(d.flip != 0),  # half of those that happen turn nothing over
        "quarter_turn": np.mean(d.quarter_turns != 0) * 4 / 3,
        "integer_shift": np.mean((d.integer_shift != 0).all(1)),
        "scale": np.mean(d.scale != 1),
        "rotation": np.mean(rotated),
        "stretch": np.mean(d.stretch != 1),
        "fractional_shift": np.mean((d.fractional_shift != 0).all(1)),
        "brightness": np.mean(d.brightness != 0),
        "contrast": np.mean(d.contrast != 1),
        "luma_flip": 2 * np.mean(d.luma_flip != 0),
        "hue": np.mean(d.hue != 0),
        "saturation": np.mean(d.saturation != 1),
        "noise": np.mean(d.noise != 0),
        "cutout": np.mean(d.cutout != 0),
        "filter": 1 - np.mean((np.abs(d.gains - 1) < 1e-6).all(1)) - (1 - 0.7**4) + 0.3,
    }
    for name, share in happened.items():
        assert share == pytest.approx(0.3, abs=0.025), name


def test_a_transformation_draws_the_same_whatever_else_is_chosen():
    key = jax.random.key(3)
    alone, all_of_them = (
        draw(key, jnp.ones(()), dict.fromkeys(t, 1.0)) for t in (("hue",), augment.TRANSFORMS)
    )
    assert alone.hue == all_of_them.hue != 0
    assert alone.scale == 1 != all_of_them.scale


def test_controller_equals_the_paper():
    rng = np.random.default_rng(0)
    state, update = augment.ada_init(0.2), jax.jit(augment.ada_update)
    p, seen = 0.2, []
    for call in range(1, 25):
        logits = rng.standard_normal((8, 2, 2, 1)).astype(np.float32) + (3 if call < 13 else 0)
        state = update(state, logits)
        seen.append(logits)
        if call % 4 == 0:
            r = np.mean(np.sign(np.stack(seen)))
            p = float(np.clip(p + np.sign(r - 0.6) * 4 * 8 / 500_000, 0, 1))
            seen = []
        np.testing.assert_allclose(state.p, p, rtol=1e-6)
    assert all(x.dtype == jnp.float32 and x.shape == () for x in state)


@settings(deadline=None, max_examples=10)
@given(start=st.floats(0, 1), mean=st.sampled_from([-2.0, 0.0, 1.0]), n=st.integers(1, 5))
def test_controller_goes_the_right_way_and_stays_inside(start, mean, n):
    state = augment.ada_init(start)
    logits = jnp.full((4,), jnp.float32(mean))
    for _ in range(n):
        state = augment.ada_update(state, logits, interval=1, images_to_full=8)
    direction = 0.5 if mean > 0 else -0.5  # r_t is 1, or it is 0 or -1
    assert float(state.p) == pytest.approx(np.clip(start + n * direction, 0, 1), abs=1e-5)


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_controller_is_the_same_on_every_device():
    logits = np.random.default_rng(1).standard_normal((8, 3)).astype(np.float32) + 1
    mesh = Mesh(np.array(jax.devices()[:4]), ("data",))

    def twice(state, logits, axis_name=None):
        for _ in range(3):
            state = augment.ada_update(
                state, logits, interval=2, images_to_full=64, axis_name=axis_name
            )
        return state

    sharded = jax.shard_map(
        lambda s, x: twice(s, x, "data"),
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec("data")),
        out_specs=PartitionSpec(),
    )
    expected = twice(augment.ada_init(0.3), logits)
    assert expected.p != 0.3
    np.testing.assert_allclose(jax.jit(sharded)(augment.ada_init(0.3), logits), expected, rtol=1e-6)
