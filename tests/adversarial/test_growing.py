"""The schedule of growing against the authors' rule, and images as a stage shows them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial.growing import shown, stages

SIDE, STABLE, FADE = 32, 3.0, 2.0


def rule(images, side, stable, fade, first=4):
    """The authors' level of detail, and the side, after so many images (``train.py``)."""
    phase, within = divmod(images, 1000 * (stable + fade))
    lod = math.log2(side // first) - phase
    if fade:
        lod -= max(within - 1000 * stable, 0) / (1000 * fade)
    lod = max(lod, 0.0)
    return lod, side // 2 ** math.floor(lod)


def at(found, step):
    return [stage for stage in found if stage.first <= step][-1]


@pytest.mark.parametrize("per_step", [1, 48, 64, 100, 500])
def test_a_stage_and_its_fade_are_the_authors_at_every_step(per_step):
    found = stages((SIDE, SIDE, 3), 4, STABLE, FADE, per_step)
    assert [stage.side for stage in found] == [4, 8, 16, 32]
    alphas = {stage: jax.jit(stage.alpha) for stage in found}
    whole = int(1000 * 4 * (STABLE + FADE) / per_step)
    for step in range(0, whole, max(whole // 300, 1)):
        lod, side = rule(step * per_step, SIDE, STABLE, FADE)
        stage = at(found, step)
        assert stage.side == side, step
        told = 1 - (lod - math.floor(lod))
        np.testing.assert_allclose(alphas[stage](step), told, atol=1e-6, err_msg=str(step))


def test_the_published_schedule():
    found = stages((1024, 1024, 3), 4, 600, 600, 1000)
    for kimg, lod, side in (
        (0, 8, 4),
        (600, 8, 4),
        (601, 7.998333, 8),
        (900, 7.5, 8),
        (1800, 7, 8),
        (2100, 6.5, 16),
        (6000, 3, 128),
        (9600, 0, 1024),
        (12_000, 0, 1024),
    ):
        stage = at(found, kimg)
        alpha = stage.alpha(jnp.int32(kimg))
        assert stage.side == side
        assert math.log2(1024 // side) + 1 - alpha == pytest.approx(lod, abs=1e-5)


def test_a_stage_begins_anew_twice():
    found = stages((8, 8, 1), 4, 0.1, 0.2, 10)[-1]
    steps = [step for step in range(60) if found.begins(jnp.int32(step))]
    assert steps == [found.first, found.whole] == [11, 30]
    assert found.alpha(jnp.int32(29)) < 1 == found.alpha(jnp.int32(30))


def test_a_fade_of_no_images_is_none():
    first, second = stages((8, 8, 1), 4, 0.1, 0, 10)
    assert (second.first, second.whole, second.alpha(jnp.int32(11))) == (11, 11, 1.0)
    assert first.alpha(jnp.int32(3)) == 1.0


def test_a_long_schedule_keeps_its_alpha():
    """As many images as float32 cannot tell from the next one."""
    last = stages((8, 8, 1), 4, 3e7, 60, 64)[-1]
    middle = (last.first + last.whole) // 2
    np.testing.assert_allclose(last.alpha(jnp.int32(middle)), 0.5, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "first", "stable", "fade", "told"),
    [
        ((28, 28, 1), 4, 1, 1, r"\[28, 28, 1\] do not grow from 4 x 4 .*data.image_size"),
        ((24, 24, 1), 4, 1, 1, "do not grow"),
        ((32, 16, 1), 4, 1, 1, "do not grow"),
        ((2, 2, 1), 4, 1, 1, "do not grow"),
        ((2,), 4, 1, 1, "do not grow"),
        ((32, 32, 1), 0, 1, 1, "do not grow from 0"),
        ((32, 32, 1), 64, 1, 1, "do not grow from 64"),
        ((32, 32, 1), 4, -1, 1, "at least 0, not -1"),
        ((32, 32, 1), 4, 1, float("nan"), "at least 0, not 1 and nan"),
        ((32, 32, 1), 4, 1, float("inf"), "at least 0, not 1 and inf"),
        ((32, 32, 1), 4, 0.01, 0.01, "give a stage fewer images than the 64 of a step"),
        ((32, 32, 1), 4, 0, 0, "fewer images"),
    ],
)
def test_what_cannot_be_is_refused(shape, first, stable, fade, told):
    with pytest.raises(ValueError, match=told):
        stages(shape, first, stable, fade, 64)


@pytest.mark.parametrize(("side", "alpha"), [(4, 1.0), (8, 0.3), (8, 0.0), (8, 1.0), (16, 0.7)])
def test_images_are_faded_as_the_networks_are(side, alpha):
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)

    def coarse(side):
        f = 16 // side
        y = x.reshape(2, side, f, side, f, 3).mean((2, 4))
        return y.repeat(f, axis=1).repeat(f, axis=2)

    traced = alpha if side == 4 else jnp.float32(alpha)
    expected = alpha * coarse(side) + (1 - alpha) * coarse(side // 2)
    np.testing.assert_allclose(shown(jnp.asarray(x), side, traced), expected, atol=1e-6)
