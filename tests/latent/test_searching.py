"""What latents are looked for by: the prior, the noise maps' terms and the schedules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base import errors
from jaxgan.latent import noise_maps
from jaxgan.latent.searching import Settings, spread, unlikely


def test_normal_latents_are_likely_at_the_root_of_their_length():
    Z = 64
    known = spread(np.random.default_rng(0).normal(size=(20_000, Z)))
    assert known.distance == pytest.approx(Z, rel=1e-2)
    assert known.apart == pytest.approx(np.sqrt(2 * Z), rel=5e-2)
    direction = np.ones((1, Z), np.float32) / np.sqrt(Z)
    for norm in (0.0, np.sqrt(Z), 2 * np.sqrt(Z)):
        due = (norm**2 - Z) ** 2 / (4 * Z)
        found = unlikely(jnp.asarray(norm * direction), known)
        np.testing.assert_allclose(found, [due], rtol=0.15, atol=0.15)


def test_constant_coordinates_of_latents_are_no_reason_for_numbers_that_are_none():
    known = spread(np.ones((200, 3)))
    assert np.isfinite(unlikely(jnp.ones((2, 3)), known)).all()


def expected_dependence(x):
    total = 0.0
    while True:
        for axis in (0, 1):
            total += np.mean(x * np.roll(x, 1, axis=axis)) ** 2
        if len(x) <= 8:
            return total
        side = len(x) // 2
        x = 2 * x.reshape(side, 2, side, 2).mean(axis=(1, 3))


@pytest.mark.parametrize("side", [4, 8, 32])
def test_dependence_is_that_of_neighbours_at_all_sides(side):
    maps = np.random.default_rng(side).normal(size=(3, side, side, 1)).astype(np.float32)
    maps[1] = np.linspace(-1, 1, side)[:, None, None]
    found = noise_maps.dependence({"a": jnp.asarray(maps)})
    np.testing.assert_allclose(found, [expected_dependence(x[..., 0]) for x in maps], rtol=1e-4)
    assert found[1] > 10 * found[0] or side < 32


def test_maps_are_drawn_apart_and_kept_standard():
    keys = jax.random.split(jax.random.key(0), 2)
    drawn = noise_maps.draw(keys, {"a": jnp.zeros((1, 16, 16, 1)), "b": jnp.zeros((1, 16, 16, 1))})
    assert drawn["a"].shape == (2, 16, 16, 1)
    assert np.abs(np.corrcoef(np.concatenate([x.reshape(2, -1) for x in drawn.values()]))
                  - np.eye(4)).max() < 0.3  # fmt: skip
    found = noise_maps.standardized({"a": 3 + 5 * drawn["a"]})["a"]
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(1, 2, 3)), 1, rtol=1e-4)


def test_the_rate_rises_and_falls_and_noise_ends():
    s = Settings(steps=100, pictures=1, learning_rate=0.2, ramp_up=0.1, ramp_down=0.5)
    rates = np.asarray(s.rate(jnp.arange(101)))
    assert rates[0] == 0
    assert rates[5] == pytest.approx(0.1)
    np.testing.assert_allclose(rates[10:51], 0.2, rtol=1e-5)
    assert rates[75] == pytest.approx(0.1)
    assert rates[100] == pytest.approx(0, abs=1e-7)
    shakes = np.asarray(s.shake(jnp.arange(101)))
    assert shakes[0] == pytest.approx(0.05)
    assert (shakes[75:] == 0).all()
    assert (np.diff(shakes) <= 0).all()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 7, "pictures": 2}, "multiple of pictures"),
        ({"candidates": 5}, "candidates must be at least 100"),
        ({"space": "x"}, "unknown space"),
        ({"prior": float("nan")}, "prior must be at least 0"),
        ({"ramp_up": 2.0}, "ramp_up must be in"),
        ({"pixels": 0.0}, "nothing is compared"),
    ],
)
def test_settings_that_no_search_can_have(wrong, told):
    with pytest.raises(errors.UserError, match=told):
        Settings(**wrong)
