"""pix2pix: its losses written out in NumPy, and what its chance is."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import variants
from jaxgan.learning.players import Players
from jaxgan.methods.pix2pix import Pix2Pix, pair

B = 4
FIELDS = {
    "generator": {"name": "unet", "width": 4, "depth": 3, "normalization": "none"},
    "discriminator": {"name": "patchgan", "width": 4, "layers": 1, "normalization": "none"},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "shape": (8, 8, 1),
    "target_shape": (8, 8, 3),
}
BATCH = {
    "image": jax.random.uniform(jax.random.key(1), (B, 8, 8, 1), minval=-1.0),
    "target": jax.random.uniform(jax.random.key(2), (B, 8, 8, 3), minval=-1.0),
}
ROWS = {**BATCH, "z": jnp.arange(B, dtype=jnp.uint32)}


def made(**fields):
    variant = variants.made(Pix2Pix, {**FIELDS, **fields})
    method = variant.build()
    return variant, method, method.init(jax.random.key(0), BATCH)


def run_of(variant, state):
    """A ``run`` without training: these networks are the same in it.

    Weights begin so small that any pair has the same logits: larger ones tell pairs apart.
    """
    d = state.nets["d"]
    larger = dataclasses.replace(d, params=jax.tree.map(lambda w: 20 * w, d.params))
    nets = {**state.nets, "d": larger}
    return lambda name, *inputs: Players(variant.players).apply(nets, name, *inputs)


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))


@pytest.mark.parametrize("l1", [100.0, 0.0])
def test_losses_are_those_of_the_paper(l1):
    """The halved cross-entropy of pairs, and ``-log D + lambda L1``."""
    variant, method, state = made(l1=l1)
    run = run_of(variant, state)
    fake = method.generate(state, ROWS["z"], image=BATCH["image"])
    assert fake.shape == BATCH["target"].shape
    logits = [
        run("d", jnp.concatenate([BATCH["image"], other], axis=-1)).logits
        for other in (BATCH["target"], fake)
    ]
    assert logits[0].ndim == 4  # a map, not a number
    real, false = (np.asarray(x, np.float64) for x in logits)
    d_loss, metrics = variant.d_loss(run, ROWS)
    expected = (softplus(-real).mean() + softplus(false).mean()) / 2
    np.testing.assert_allclose(d_loss, expected, rtol=1e-5)
    g_loss, metrics = variant.g_loss(run, ROWS)
    distance = np.abs(np.asarray(fake, np.float64) - np.asarray(BATCH["target"])).mean()
    np.testing.assert_allclose(metrics["g/l1"], distance, rtol=1e-5)
    np.testing.assert_allclose(g_loss, softplus(-false).mean() + l1 * distance, rtol=1e-5)


def test_a_distance_in_features_comes_beside():
    layers = ("conv_0", "conv_1")
    told = {"extractor": "domain", "layers": layers, "size": 12, "weight": 0.5}
    variant, _, state = made(features=told, l1=2.0)
    values = jax.random.uniform(jax.random.key(3), (1000,))
    extras = jax.tree.map(lambda x: jnp.resize(values, x.shape), state.extras)
    run = run_of(variant, state)
    _, plain = made(l1=2.0)[0].g_loss(run, ROWS)
    g_loss, metrics = variant.g_loss(run, {**ROWS, "extras": extras})
    look = variant.features.look(extras)
    both = [look(x) for x in (variant.fake(run, ROWS), ROWS["target"])]
    features = sum(((both[0][name] - both[1][name]) ** 2).mean() for name in layers)
    assert features > 1e-3
    np.testing.assert_allclose(metrics["g/features"], features, rtol=1e-4)
    np.testing.assert_allclose(g_loss, plain["g/loss"] + 0.5 * features, rtol=1e-5)


def test_a_pair_is_the_image_and_what_goes_with_it():
    both = pair(ROWS)
    np.testing.assert_array_equal(both[..., :1], BATCH["image"])
    np.testing.assert_array_equal(both[..., 1:], BATCH["target"])


def test_the_seed_of_a_sample_is_its_dropout_alone():
    deep = {"name": "unet", "width": 2, "depth": 6, "normalization": "none"}
    batch = {n: jax.image.resize(x, (B, 64, 64, x.shape[-1]), "cubic") for n, x in BATCH.items()}
    fields = {"generator": deep, "shape": (64, 64, 1), "target_shape": (64, 64, 3)}
    method = variants.made(Pix2Pix, {**FIELDS, **fields}).build()
    state = jax.jit(method.init)(jax.random.key(0), batch)
    translate = jax.jit(lambda z: method.generate(state, z, image=batch["image"]))
    first, second = translate(jnp.array([1, 2, 3, 4])), translate(jnp.array([1, 9, 3, 4]))
    changed = [bool((a != b).any()) for a, b in zip(first, second, strict=True)]
    assert changed == [False, True, False, False]


def test_what_no_run_can_have_is_refused():
    with pytest.raises(ValueError, match="l1"):
        variants.made(Pix2Pix, {**FIELDS, "l1": -1.0})
    _, method, state = made()
    with pytest.raises(ValueError, match="made under 'image', which is not given"):
        method.generate(state, ROWS["z"])
