"""The GAN against the equations of its papers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import draws, losses, objectives, play
from jaxgan.methods.gan import GAN

pytestmark = pytest.mark.usefixtures("quickly_compiled")

Z = 3


def make(**fields):
    sgd = {"name": "sgd", "learning_rate": 0.05}
    defaults = {
        "generator": {"name": "mlp", "features": (6,), "output": "linear"},
        "discriminator": {"name": "mlp", "features": (5,)},
        "g_optimizer": sgd,
        "d_optimizer": sgd,
        "shape": (2,),
        "latent_dim": Z,
    }
    return GAN(**{**defaults, **fields})


def start(method):
    return jax.jit(method.init)(jax.random.key(0), {})


@pytest.fixture
def real():
    return jax.random.normal(jax.random.key(7), (8, 2))


def logits(method, state, params, x):
    critique, _ = method.d.apply(params, state.nets["d"].stats, x, train=True)
    return np.asarray(critique.logits, np.float64)


def fakes(method, state, keys):
    g = state.nets["g"]
    z = draws.normal(draws.fold(keys, objectives.LATENT), (Z,))
    return method.g.apply(g.params, g.stats, z, train=True)[0]


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def test_the_value_function_of_equation_1(real):
    method = make(loss="minimax")
    state = start(method)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    on_real = logits(method, state, params, real)
    on_fake = logits(method, state, params, fakes(method, state, keys))
    value = np.mean(log_sigmoid(on_real)) + np.mean(log_sigmoid(-on_fake))
    d_loss, _ = method.d_loss(params, state, real, keys)
    assert d_loss == pytest.approx(-value, rel=1e-5)
    g_loss, _ = method.g_loss(state.nets["g"].params, state, real, keys)
    assert g_loss == pytest.approx(np.mean(log_sigmoid(-on_fake)), rel=1e-5)
    g_loss, _ = make().g_loss(state.nets["g"].params, state, real, keys)
    assert g_loss == pytest.approx(-np.mean(log_sigmoid(on_fake)), rel=1e-5)


def test_the_accuracies_count_signs(real):
    method = make()
    state = start(method)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    _, (_, metrics) = method.d_loss(params, state, real, keys)
    assert metrics["d/real_accuracy"] == np.mean(logits(method, state, params, real) > 0)
    generated = logits(method, state, params, fakes(method, state, keys))
    assert metrics["d/fake_accuracy"] == np.mean(generated < 0)


def test_one_sided_label_smoothing_moves_the_real_label_alone(real):
    method = make(techniques={"label_smoothing": 0.1})
    state = start(method)
    keys = draws.sample_keys(jax.random.key(1), 8)
    params = state.nets["d"].params
    on_real = logits(method, state, params, real)
    on_fake = logits(method, state, params, fakes(method, state, keys))
    expected = -np.mean(0.9 * log_sigmoid(on_real) + 0.1 * log_sigmoid(-on_real))
    expected -= np.mean(log_sigmoid(-on_fake))
    assert method.d_loss(params, state, real, keys)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", losses.NAMES)
def test_every_loss_trains_both_players(real, loss):
    method = make(loss=loss)
    state = start(method)
    new, metrics = jax.jit(method.step)(state, {"image": real}, jax.random.key(1))
    assert all(jnp.isfinite(v) for v in metrics.values())
    for name in ("d", "g"):
        moved = jax.tree.map(
            lambda a, b: jnp.abs(a - b).max(), new.nets[name].params, state.nets[name].params
        )
        assert max(jax.tree.leaves(moved)) > 0, name


def test_algorithm_1_by_hand(real):
    """k = 2 discriminator updates on a minibatch each, then one of the generator, with SGD."""
    method = make(n_critic=2, ema_decay=0.0)
    begin = start(method)
    keys = draws.sample_keys(jax.random.key(1), 8)
    expected, rate = begin, 0.05
    d_grad = jax.jit(jax.grad(lambda p, s, x, k: method.d_loss(p, s, x, k)[0]))
    for j in range(2):
        params = expected.nets["d"].params
        grads = d_grad(params, expected, real[j::2], draws.fold(keys[j::2], play.D_UPDATE))
        params = jax.tree.map(lambda p, g: p - rate * g, params, grads)
        net = dataclasses.replace(expected.nets["d"], params=params)
        expected = dataclasses.replace(expected, nets={**expected.nets, "d": net})
    g_grad = jax.jit(
        jax.grad(
            lambda p: method.g_loss(p, expected, real, draws.fold(keys[1::2], play.G_UPDATE))[0]
        )
    )
    grads = g_grad(expected.nets["g"].params)
    g_params = jax.tree.map(lambda p, g: p - rate * g, expected.nets["g"].params, grads)
    new, metrics = jax.jit(method.step)(begin, {"image": real}, jax.random.key(1))
    for found, wanted in ((new.nets["d"].params, params), (new.nets["g"].params, g_params)):
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert metrics["g/grad_norm"] == pytest.approx(float(optax.tree.norm(grads)), rel=1e-5)


def test_the_average_holds_weights_and_batch_statistics(real):
    generator = {"name": "mlp", "features": (6,), "batch_norm": True}
    method = make(generator=generator, ema_decay=0.999)
    state = start(method)
    new, _ = jax.jit(method.step)(state, {"image": real}, jax.random.key(1))
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
    averaged = method.sample(new, jax.random.key(2), 4)
    raw = method.sample(new, jax.random.key(2), 4, averaged=False)
    assert jnp.abs(averaged - raw).max() > 1e-6


def test_no_average_is_kept_at_decay_0(real):
    method = make(ema_decay=0.0)
    state = start(method)
    assert state.nets["g"].ema is None
    new, _ = jax.jit(method.step)(state, {"image": real}, jax.random.key(1))
    assert new.nets["g"].ema is None


def test_statistics_of_the_other_player_are_left_alone():
    images = jax.random.normal(jax.random.key(3), (8, 16, 16, 1))
    nets = {"name": "dcgan", "width": 4}
    method = make(generator=nets, discriminator=nets, shape=(16, 16, 1))
    state = start(method)
    d_loss = jax.jit(method.d_loss)
    new, _ = jax.jit(method.step)(state, {"image": images}, jax.random.key(9))
    # The discriminator's statistics after a step are those of its own update, none of g's.
    step_keys = draws.fold(draws.sample_keys(jax.random.key(9), 8), play.D_UPDATE)
    _, (expected, _) = d_loss(state.nets["d"].params, state, images, step_keys)
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
        {"loss": "mini"},
    ],
)
def test_values_no_run_can_have(fields):
    with pytest.raises(ValueError, match=next(iter(fields)) if "loss" not in fields else "mini"):
        make(**fields)
