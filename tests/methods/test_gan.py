"""The GAN against the equations of its papers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses
from jaxgan.adversarial.purposes import OfStep, OfUpdate
from jaxgan.base import draws, errors
from jaxgan.methods.gan import GAN
from tests.adversarial.play import RATE, Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant


def make(**fields):
    return make_variant(GAN, fields)


def start(variant):
    return jax.jit(variant.build().init)(jax.random.key(0), {})


def step(variant, state, images, key=1):
    return jax.jit(variant.build().step)(state, {"image": images}, jax.random.key(key))


@pytest.fixture
def real():
    return jax.random.normal(jax.random.key(7), (8, 2))


def logits(variant, state, params, x):
    critique, _ = variant.game.d.apply(params, state.nets["d"].stats, x, train=True)
    return np.asarray(critique.logits, np.float64)


def fakes(variant, state, keys):
    g = state.nets["g"]
    z = draws.normal(draws.fold(keys, OfUpdate.LATENT), (Z,))
    return variant.game.g.apply(g.params, g.stats, z, train=True)[0]


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def test_the_value_function_of_equation_1(real):
    variant = make(loss="minimax")
    state = start(variant)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    on_real = logits(variant, state, params, real)
    on_fake = logits(variant, state, params, fakes(variant, state, keys))
    value = np.mean(log_sigmoid(on_real)) + np.mean(log_sigmoid(-on_fake))
    loss, _ = d_loss(variant.game, params, state, real, keys)
    assert loss == pytest.approx(-value, rel=1e-5)
    loss, _ = g_loss(variant.game, state.nets["g"].params, state, real, keys)
    assert loss == pytest.approx(np.mean(log_sigmoid(-on_fake)), rel=1e-5)
    loss, _ = g_loss(make().game, state.nets["g"].params, state, real, keys)
    assert loss == pytest.approx(-np.mean(log_sigmoid(on_fake)), rel=1e-5)


@pytest.mark.parametrize(("loss", "between"), [("non_saturating", 0), ("least_squares", 0.5)])
def test_the_accuracies_count_who_is_on_their_side(real, loss, between):
    variant = make(loss=loss)
    state = start(variant)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    _, (_, metrics) = d_loss(variant.game, params, state, real, keys)
    assert metrics["d/real_accuracy"] == np.mean(logits(variant, state, params, real) > between)
    generated = logits(variant, state, params, fakes(variant, state, keys))
    assert metrics["d/fake_accuracy"] == np.mean(generated < between)


def test_one_sided_label_smoothing_moves_the_real_label_alone(real):
    variant = make(techniques={"label_smoothing": 0.1})
    state = start(variant)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    on_real = logits(variant, state, params, real)
    on_fake = logits(variant, state, params, fakes(variant, state, keys))
    expected = -np.mean(0.9 * log_sigmoid(on_real) + 0.1 * log_sigmoid(-on_real))
    expected -= np.mean(log_sigmoid(-on_fake))
    assert d_loss(variant.game, params, state, real, keys)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", losses.NAMES)
def test_every_loss_trains_both_players(real, loss):
    variant = make(loss=loss)
    state = start(variant)
    new, metrics = step(variant, state, real)
    assert all(jnp.isfinite(v) for v in metrics.values())
    for name in ("d", "g"):
        moved = jax.tree.map(
            lambda a, b: jnp.abs(a - b).max(), new.nets[name].params, state.nets[name].params
        )
        assert max(jax.tree.leaves(moved)) > 0, name


def test_algorithm_1_by_hand(real):
    """k = 2 discriminator updates on a minibatch each, then one of the generator, with SGD."""
    variant = make(n_critic=2, ema_decay=0.0)
    begin = start(variant)
    keys = draws.sample_keys(jax.random.key(1), 8)
    expected = begin
    d_grad = jax.jit(jax.grad(lambda p, s, x, k: d_loss(variant.game, p, s, x, k)[0]))
    for j in range(2):
        params = expected.nets["d"].params
        grads = d_grad(params, expected, real[j::2], draws.fold(keys[j::2], OfStep.D_UPDATE))
        params = jax.tree.map(lambda p, g: p - RATE * g, params, grads)
        net = dataclasses.replace(expected.nets["d"], params=params)
        expected = dataclasses.replace(expected, nets={**expected.nets, "d": net})
    g_keys = draws.fold(keys[1::2], OfStep.G_UPDATE)
    g_grad = jax.jit(jax.grad(lambda p: g_loss(variant.game, p, expected, real[1::2], g_keys)[0]))
    grads = g_grad(expected.nets["g"].params)
    g_params = jax.tree.map(lambda p, g: p - RATE * g, expected.nets["g"].params, grads)
    new, metrics = step(variant, begin, real)
    for found, wanted in ((new.nets["d"].params, params), (new.nets["g"].params, g_params)):
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert metrics["g/grad_norm"] == pytest.approx(float(optax.tree.norm(grads)), rel=1e-5)


def test_the_average_holds_weights_and_batch_statistics(real):
    generator = {"name": "mlp", "features": (6,), "batch_norm": True}
    variant = make(generator=generator, ema_decay=0.999)
    state = start(variant)
    new, _ = step(variant, state, real)
    net, old = new.nets["g"], state.nets["g"]
    d = 1 / 10  # min(.999, (1 + t) / (10 + t)) at t = 0
    for part, now in (("params", net.params), ("stats", net.stats)):
        before = old.params if part == "params" else old.stats
        expected = jax.tree.map(lambda o, n: d * o + (1 - d) * n, before, now)
        for a, b in zip(jax.tree.leaves(net.ema[part]), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert any(
            (a != b).any() for a, b in zip(*map(jax.tree.leaves, (before, now)), strict=True)
        )
    averaged = variant.build().sample(new, jax.random.key(2), 4)
    raw = variant.build().sample(new, jax.random.key(2), 4, averaged=False)
    assert jnp.abs(averaged - raw).max() > 1e-6


def test_no_average_is_kept_at_decay_0(real):
    variant = make(ema_decay=0.0)
    state = start(variant)
    assert state.nets["g"].ema is None
    new, _ = step(variant, state, real)
    assert new.nets["g"].ema is None


def test_statistics_of_the_other_player_are_left_alone():
    images = jax.random.normal(jax.random.key(3), (8, 16, 16, 1))
    nets = {"name": "dcgan", "width": 4}
    variant = make(generator=nets, discriminator=nets, shape=(16, 16, 1))
    state = start(variant)
    new, _ = step(variant, state, images, key=9)
    # The discriminator's statistics after a step are those of its own update, none of g's.
    step_keys = draws.fold(draws.sample_keys(jax.random.key(9), 8), OfStep.D_UPDATE)
    loss = jax.jit(lambda p: d_loss(variant.game, p, state, images, step_keys))
    _, (expected, _) = loss(state.nets["d"].params)
    found = jax.tree.leaves(new.nets["d"].stats)
    for a, b in zip(found, jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(expected) == jax.tree.structure(state.nets["d"].stats)


@pytest.mark.parametrize(
    "fields",
    [
        {"n_critic": 0},
        {"latent_dim": 0},
        {"ema_decay": 1.0},
    ],
)
def test_values_no_run_can_have(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        make(**fields)


def test_a_loss_that_there_is_not():
    with pytest.raises(errors.UserError, match="unknown loss 'mini'; did you mean 'minimax'"):
        make(loss="mini")
