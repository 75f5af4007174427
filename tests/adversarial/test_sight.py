"""What D sees: noise that falls, augmentation of both sides alike, and penalties through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import augment, regularizers
from jaxgan.adversarial import packing, sight
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws
from jaxgan.base.state import State
from jaxgan.methods.gan import GAN
from tests.adversarial.play import make

B = 8
KEYS = draws.sample_keys(jax.random.key(3), B)
IMAGES = jax.random.uniform(jax.random.key(4), (B, 6, 6, 3), minval=-1.0)


def views(step=0, keys=KEYS, shape=(6, 6, 3), **techniques):
    game = make(GAN, {"shape": shape, "techniques": techniques}).game
    return sight.views(game, State(jnp.int32(step), {}, {}), keys, IMAGES, IMAGES)


def test_nothing_by_default():
    seen = views()
    assert seen.real(IMAGES) is IMAGES
    assert seen.fake(IMAGES) is IMAGES


def test_instance_noise_falls_to_nothing():
    keys, x = draws.sample_keys(jax.random.key(3), 2000), jnp.ones((2000, 3))
    for step, sigma in ((0, 0.4), (25, 0.3), (100, 0.0), (500, 0.0)):
        seen = views(step, keys, (3,), instance_noise=0.4, instance_noise_steps=100)
        noise = np.asarray(seen.real(x) - x)
        assert noise.std() == pytest.approx(sigma, rel=0.03)
        assert abs(noise.mean()) < 0.02
        if sigma:
            assert np.abs(seen.real(x) - seen.fake(x)).mean() > 0.1, "draws of their own"


def test_diffaugment_is_the_library_s_and_the_same_at_each_call():
    seen = views(augment="diffaugment", augment_policy="color,cutout")
    for view, purpose in (
        (seen.real, OfUpdate.REAL_AUGMENT),
        (seen.fake, OfUpdate.FAKE_AUGMENT),
    ):
        expected = augment.diff_augment(draws.fold(KEYS, purpose), IMAGES, policy="color,cutout")
        assert jnp.array_equal(view(IMAGES), expected)
        assert jnp.array_equal(view(IMAGES), view(IMAGES))
    assert not jnp.array_equal(seen.real(IMAGES), seen.fake(IMAGES))


def test_ada_has_the_probability_and_the_factors_asked_for():
    """A flip alone, with p 1 and half as often, of images that are not symmetric."""
    keys, x = draws.sample_keys(jax.random.key(5), 400), jnp.zeros((400, 6, 6, 1))
    x = x.at[:, :, 0].set(1.0)
    for p, factor in ((1.0, 1.0), (1.0, 0.5), (0.4, 0.5), (0.0, 1.0)):
        seen = views(
            keys=keys,
            shape=(6, 6, 1),
            augment="ada",
            augment_target=0.0,
            augment_p=p,
            augment_transforms=(("flip", factor),),
        ).real(x)
        # It flips half of those that it touches.
        assert np.mean(seen[:, 3, 0, 0] < 0.5) == pytest.approx(p * factor / 2, abs=0.06)


def test_noise_comes_after_augmentation():
    seen = views(augment="diffaugment", augment_policy="cutout", instance_noise=0.1)
    noise = seen.real(IMAGES) - views(augment="diffaugment", augment_policy="cutout").real(IMAGES)
    assert np.asarray(noise).std() == pytest.approx(0.1, rel=0.1)


def test_packs_come_apart_again():
    packs = packing.pack(IMAGES, 4)
    assert packs.shape == (2, 6, 6, 12)
    assert jnp.array_equal(packing.unpack(packs, 4), IMAGES)
    assert packing.unpack(IMAGES, 1) is IMAGES


@pytest.mark.parametrize("m", [1, 2])
def test_a_penalty_is_taken_before_augmentation_and_through_it(m):
    """Of a critic <w, x> and an augmentation that scales by 1/2: |w / 2|^2, and packs likewise."""
    techniques = {"augment": "diffaugment", "pack": m}
    game = make(GAN, {"shape": (6, 6, 3), "techniques": techniques}).game
    w = jax.random.normal(jax.random.key(0), (6, 6, 3 * m))
    critic, at = sight.penalized(
        game, lambda x: x / 2, lambda x: jnp.tensordot(x, w, ((1, 2, 3), (0, 1, 2))), IMAGES
    )
    assert jnp.array_equal(at, packing.pack(IMAGES, m))
    assert regularizers.r1(critic, at) == pytest.approx(float(jnp.sum(w**2)) / 4, rel=1e-5)
    unaugmented = make(GAN, {"shape": (6, 6, 3), "techniques": {"pack": m}}).game
    critic, at = sight.penalized(unaugmented, lambda x: x / 2, lambda x: x, IMAGES)
    assert jnp.array_equal(at, packing.pack(IMAGES / 2, m))
    assert critic(at) is at
