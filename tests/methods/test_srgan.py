"""SRGAN: its losses written out in NumPy, its phases, and what its state keeps."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data
from jaxgan.config import variants
from jaxgan.extractors import maps
from jaxgan.extractors.perceptual import KEPT
from jaxgan.learning.players import Players
from jaxgan.methods.srgan import SRGAN
from tests.conftest import same_bits

B = 4
DOMAIN = {"extractor": "domain", "layers": ("conv_0", "conv_1"), "weight": 0.5}
FIELDS = {
    "generator": {
        "name": "srresnet",
        "width": 4,
        "residual_blocks": 1,
        "normalization": "none",
        "outer_kernel": 3,
    },
    "discriminator": {
        "name": "srresnet",
        "width": 4,
        "stages": 1,
        "features": 5,
        "normalization": "none",
    },
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "shape": (4, 4, 1),
    "target_shape": (8, 8, 1),
}
ALONE = {"adversarial": 0.0, "discriminator": None}
BATCH = {
    "image": jax.random.uniform(jax.random.key(1), (B, 4, 4, 1), minval=-1.0),
    "target": jax.random.uniform(jax.random.key(2), (B, 8, 8, 1), minval=-1.0),
}
KEY = jax.random.key(0)


def made(**fields):
    variant = variants.made(SRGAN, {**FIELDS, **fields})
    method = variant.build()
    values = jax.random.uniform(jax.random.key(3), (1000,))
    extras = variant.features.extras(BATCH, variant.target_shape)
    kept = jax.tree.map(lambda x: jnp.resize(values, x.shape), extras)
    return variant, method, method.init(KEY, {**BATCH, **kept})


def run_of(variant, state):
    return lambda name, *inputs: Players(variant.players).apply(state.nets, name, *inputs)


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))


@pytest.mark.parametrize(("distance", "power"), [("l2", 2), ("l1", 1)])
def test_the_losses_are_those_of_the_paper(distance, power):
    """Content in pixels and in features, and ``-log D``; D's is the whole cross-entropy."""
    told = {"distance": distance, "pixels": 0.25, "features": DOMAIN, "adversarial": 0.125}
    variant, _, state = made(**told)
    run = run_of(variant, state)
    fake, target = run("g", BATCH["image"]), BATCH["target"]
    real, false = (np.asarray(run("d", x).logits, np.float64) for x in (target, fake))
    d_loss, _ = variant.d_loss(run, BATCH)
    np.testing.assert_allclose(d_loss, (softplus(-real) + softplus(false)).mean(), rtol=1e-5)
    look = partial(maps.apply, "domain", DOMAIN["layers"], state.extras[KEPT])
    both = [[np.asarray(x, np.float64) for x in look(y).values()] for y in (fake, target)]
    features = sum(((a - b) ** 2).mean() for a, b in zip(*both, strict=True))
    assert features > 1e-3
    pixels = (np.abs(np.asarray(fake, np.float64) - target) ** power).mean()
    g_loss, metrics = variant.g_loss(run, {**BATCH, "extras": state.extras})
    np.testing.assert_allclose(metrics["g/features"], features, rtol=1e-4)
    np.testing.assert_allclose(metrics["g/pixels"], pixels, rtol=1e-5)
    adversarial = softplus(-false).mean()
    expected = 0.25 * pixels + 0.5 * features + 0.125 * adversarial
    np.testing.assert_allclose(g_loss, expected, rtol=1e-4)
    assert variant.pixel_loss(run, BATCH)[0] == pytest.approx(pixels, rel=1e-5)


def test_at_first_the_generator_learns_by_pixels_and_the_discriminator_not_at_all():
    _, method, state = made(pretrain_steps=2, features=DOMAIN, ema_decay=0.5)
    plain = made(**ALONE, ema_decay=0.5)[1]
    assert [method.phase(step)[0] for step in (0, 1, 2, 9)] == ["pixels", "pixels", "all", "all"]
    step = jax.jit(method.phase(0)[1].step)
    new, metrics = step(state, BATCH, KEY)
    only = replace(state, nets={"g": state.nets["g"]}, extras={})
    expected, of_pixels = jax.jit(plain.step)(only, BATCH, KEY)
    assert same_bits(new.nets["g"], expected.nets["g"])
    assert same_bits((new.nets["d"], new.extras), (state.nets["d"], state.extras))
    of_d = {"d/loss", "d/real", "d/fake", "d/grad_norm"}
    assert of_d <= set(metrics)
    assert all(metrics[name] == 0 for name in (*of_d, "g/features", "g/adversarial"))
    assert of_pixels["g/loss"] == metrics["g/loss"] == metrics["g/pixels"] > 0
    later, told = jax.jit(method.phase(2)[1].step)(new, BATCH, KEY)
    assert set(told) == set(metrics)
    assert told["d/grad_norm"] > 0
    assert not same_bits(later.nets["d"], state.nets["d"])
    assert same_bits(later.extras, state.extras)


def test_without_a_discriminator_there_is_none_in_the_state():
    _, method, state = made(**ALONE)
    assert set(state.nets) == {"g"}
    assert state.extras == {}
    assert method.at is None
    _, metrics = jax.eval_shape(method.step, state, BATCH, KEY)
    assert set(metrics) == {"g/loss", "g/pixels", "g/grad_norm"}


def test_samples_are_enlarged_conditions_of_any_size_cut_off():
    _, method, state = made()
    bright = replace(
        state.nets["g"], params=jax.tree.map(lambda w: w + 0.5, state.nets["g"].params)
    )
    state = replace(state, nets={**state.nets, "g": bright})
    latents = method.latents(KEY, 2)
    out = method.generate(state, latents, image=jnp.ones((2, 3, 5, 1)))
    assert out.shape == (2, 6, 10, 1)
    assert out.max() == 1


def test_the_features_are_of_the_targets_and_kept(monkeypatch):
    """A state that is made without them has their shapes: it is restored."""
    _, method, state = made(features=DOMAIN)
    images = np.zeros((5, 8, 8, 1), np.uint8)
    source = data.in_memory("x", "train", images[:, ::2, ::2], np.arange(5), 5, images)
    asked = []

    def load(*given, **named):
        asked.append((given, named))
        return jax.tree.map(jnp.ones_like, state.extras[KEPT])

    monkeypatch.setattr(maps, "load", load)
    prepared = method.prepare(source)
    asked_for = {"shape": (8, 8, 1), "weights": "", "digest": ""}
    assert asked == [(("domain", DOMAIN["layers"], source), asked_for)]
    kept = method.init(KEY, {**BATCH, **prepared}).extras[KEPT]
    assert {float(x.min()) for x in jax.tree.leaves(kept)} == {1.0}
    bare = jax.eval_shape(method.init, KEY, BATCH)
    shape = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)  # noqa: E731
    assert shape(bare.extras) == shape(state.extras)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"adversarial": -1.0}, "at least 0"),
        ({"adversarial": 0.0}, "adversarial=0 takes none"),
        ({"discriminator": None}, "needs a discriminator"),
        ({**ALONE, "d_optimizer": {"name": "sgd", "learning_rate": 1.0}}, "there is none"),
        ({"distance": "l3"}, "distance must be one of l2, l1"),
        ({**ALONE, "pixels": 0.0}, "nothing to learn by"),
        ({"features": {"layers": ("conv_0",)}}, "need an extractor"),
        ({"target_shape": (4, 4, 1)}, "set data.low_resolution"),
        ({"target_shape": (8, 12, 1)}, "set data.low_resolution"),
    ],
)
def test_what_no_run_can_have_is_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        made(**fields)
