"""StyleGAN2: what is lazy, what is drawn beside z, and the average of its weights."""

import dataclasses
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import regularizers
from jaxgan.config import variants
from jaxgan.learning import updates
from jaxgan.methods import stylegan2
from jaxgan.methods.stylegan2 import StyleGAN2
from tests.conftest import same_bits

NETWORK = {"name": "stylegan2", "width": 32, "max_width": 4}
FIELDS = {
    "generator": {**NETWORK, "features": 4, "mapping_layers": 1},
    "discriminator": {**NETWORK, "minibatch_stddev": 2},
    "g_optimizer": {"name": "sgd", "learning_rate": 1e-2},
    "d_optimizer": {"name": "sgd", "learning_rate": 1e-2},
    "shape": (8, 8, 1),
    "latent_dim": 3,
    "r1_interval": 3,
    "path_interval": 2,
}
KEY = jax.random.key(0)
BATCH = {"image": jax.random.normal(KEY, (4, 8, 8, 1)), "label": jnp.array([0, 1, 2, 0])}


def make(**fields):
    return variants.made(StyleGAN2, {**FIELDS, **fields})


@pytest.fixture(scope="module")
def trained():
    """The metrics of six steps, the last state, and the variant."""
    variant = make()
    method = variant.build()
    # Compiled whole, here and below: op by op it takes ten times as long.
    state, step, found = jax.jit(method.init)(KEY, BATCH), jax.jit(method.step), []
    for i in range(6):
        state, metrics = step(state, BATCH, jax.random.fold_in(KEY, i))
        found.append(jax.device_get(metrics))
    return found, state, variant


def test_the_lazy_terms_come_at_their_intervals(trained):
    found, state, _ = trained
    assert [m["d/r1"] > 0 for m in found] == [True, False, False, True, False, False]
    assert [m["g/path_length"] > 0 for m in found] == [True, False] * 3
    assert state.extras["path_length"] > 0


def test_an_update_for_r1_is_its_gradient_alone(trained):
    _, state, variant = trained
    keys = jax.random.split(KEY, 4)
    after, value = jax.jit(lambda s: variant.flatten(BATCH, keys, s))(state)
    game, d = variant.game, state.nets["d"]

    def penalty(params):
        critic = lambda x: game.d.apply(params, d.stats, x, train=True)[0].logits  # noqa: E731
        return regularizers.r1(critic, BATCH["image"])

    expected, grads = jax.jit(jax.value_and_grad(penalty))(d.params)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    rate, gamma, interval = 1e-2 * 3 / 4, 10.0, 3
    expected = jax.tree.map(lambda p, g: p - rate * interval * gamma / 2 * g, d.params, grads)
    for a, b in zip(
        jax.tree.leaves(after.nets["d"].params), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert same_bits(after.nets["g"], state.nets["g"])


def test_an_update_for_the_path_length_moves_g_and_the_mean_alone(trained):
    _, state, variant = trained
    after, value = jax.jit(lambda s: variant.lengthen(BATCH, jax.random.split(KEY, 4), s))(state)
    assert value > 0
    assert same_bits(after.nets["d"], state.nets["d"])
    assert not same_bits(after.nets["g"].params, state.nets["g"].params)
    old, new = state.extras["path_length"], after.extras["path_length"]
    assert old != new
    assert same_bits(after.nets["g"].stats, state.nets["g"].stats)


def test_optimizers_are_those_of_the_lazy_terms():
    adam = {"name": "adam", "learning_rate": 0.002, "b1": 0.0, "b2": 0.99}
    found = stylegan2.lazy(adam, 16)
    assert np.isclose(found["learning_rate"], 0.002 * 16 / 17)
    assert np.isclose(found["b2"], 0.99 ** (16 / 17))
    assert found["b1"] == 0.0
    assert stylegan2.lazy(adam, 0) == adam


def test_half_of_an_average_goes_in_its_half_life():
    decay = float(updates.half_life(500.0, 0.0, jnp.int32(10**6), 10))
    np.testing.assert_allclose(decay ** (500 / 10), 0.5, rtol=1e-4)
    # In the ramp it is a share of what was seen, and the first step copies.
    ramped = float(updates.half_life(500.0, 0.05, jnp.int32(100), 10))
    np.testing.assert_allclose(ramped, 0.5 ** (10 / 50), rtol=1e-5)
    assert updates.half_life(500.0, 0.05, jnp.int32(0), 10) == 0


@pytest.mark.parametrize(("mixing", "mixed"), [(0.0, False), (1.0, True)])
def test_styles_are_mixed_as_often_as_asked(mixing, mixed):
    drawn = make(style_mixing=mixing).drawn(jax.random.split(KEY, 64))
    layers = 4
    assert bool((drawn["crossover"] < layers).all()) == mixed
    assert drawn["crossover"].min() >= 1
    assert drawn["other"].shape == (64, 3)


def test_what_is_drawn_belongs_to_a_sample():
    keys, variant = jax.random.split(KEY, 6), make()
    whole, part = variant.drawn(keys), variant.drawn(keys[4:])
    assert same_bits(jax.tree.map(lambda x: x[4:], whole), part)


def test_plain_latents_have_constant_noise_and_drawn_ones_their_own(trained):
    _, state, variant = trained
    method = variant.build()
    latents = method.latents(jax.random.key(5), 3)
    assert set(latents) == {"z", "noise"}
    strong = jax.tree.map(lambda x: jnp.ones_like(x) if x.ndim == 0 else x, state.nets["g"].params)
    nets = {**state.nets, "g": replace(state.nets["g"], params=strong)}
    state = replace(state, nets=nets)
    paint = jax.jit(lambda latents: method.generate(state, latents, averaged=False))
    drawn, const = paint(latents), paint(latents["z"])
    assert drawn.shape == const.shape == (3, 8, 8, 1)
    assert (drawn != const).any()


@pytest.mark.slow
def test_a_conditional_one_is_told_labels():
    variant = make(conditional=True, num_classes=3)
    method = variant.build()
    assert method.conditions == ("labels",)
    state = jax.jit(method.init)(KEY, BATCH)
    z = method.latents(KEY, 2)["z"]
    paint = jax.jit(lambda i: method.generate(state, z, averaged=False, labels=i))
    assert (paint(0) != paint(1)).any()
    after, _ = jax.eval_shape(method.step, state, BATCH, KEY)
    assert jax.tree.structure(after) == jax.tree.structure(state)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"conditional": True}, "needs labels"),
        ({"style_mixing": 1.5}, "style_mixing"),
        ({"r1_interval": 0}, "at least 1"),
        ({"path_length": float("nan")}, "path_length must be at least 0"),
        ({"techniques": {"r1": 1.0}}, "set config.method.r1"),
    ],
)
def test_fields_that_no_run_can_have_are_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        make(**fields)


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().r1 = 1.0
