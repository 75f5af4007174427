"""R3GAN: its schedules by hand, in the optimizers too, and its loss."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import adversarial
from jaxgan.adversarial import limited
from jaxgan.base import draws
from jaxgan.methods.r3gan import R3GAN
from tests.adversarial.play import d_loss, g_loss, make

B = 8
KEYS = draws.sample_keys(jax.random.key(1), B)
REAL = jax.random.normal(jax.random.key(2), (B, 2))
ADAM = {"name": "adam", "learning_rate": 0.1, "b1": 0.0, "b2": 0.9}
TECHNIQUES = {"r1": 2.0, "r2": 2.0}


def variant(**fields):
    """A thousand images of schedule, 100 in a step."""
    fields = {"g_optimizer": ADAM, "d_optimizer": ADAM, "techniques": TECHNIQUES, **fields}
    made = make(R3GAN, {"schedule_kimg": 1.0, "ema_kimg": 0.4, **fields})
    return dataclasses.replace(made, batch_size=100)


def half_cosine(start, end, step):
    return end + (start - end) * (1 + np.cos(np.pi * min(step / 10, 1))) / 2


@pytest.mark.parametrize("step", [0, 1, 5, 10, 12])
def test_values_go_along_half_a_cosine(step):
    found = variant().schedule(jnp.int32(step))
    assert found["r1"] == found["r2"] == pytest.approx(half_cosine(2, 0.2, step), rel=1e-5)
    assert found["augment_p"] == pytest.approx(half_cosine(0, 0.55, step), abs=1e-6)
    decay = variant().decay(jnp.int32(step), 100)
    life = half_cosine(0, 400, step)
    assert decay == pytest.approx(0.5 ** (100 / life) if life else 0, abs=1e-6)


def test_optimizers_have_the_rate_and_beta_of_their_step():
    """Adam written out: the second moment's bias is corrected with the beta of the step."""
    game, w = variant(n_critic=2).game, np.array([1.0, -2.0])
    for player, per_step in ((game.g, 1), (game.d, 2)):
        state, second, found, expected = player.optimizer.init(jnp.array(w)), 0.0, w, w
        for i in range(5):
            grad = np.array([1.0, 0.3]) * (i + 1)
            step = i // per_step
            rate, b2 = 0.1 * half_cosine(1, 0.25, step), half_cosine(0.9, 0.99, step)
            second = b2 * second + (1 - b2) * grad**2
            expected = expected - rate * grad / (np.sqrt(second / (1 - b2 ** (i + 1))) + 1e-8)
            change, state = player.optimizer.update(jnp.array(grad), state, jnp.array(found))
            found = optax.apply_updates(found, change)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_schedule_without_changes_is_the_optimizer_itself():
    still = variant(rate_end=1.0, b2_end=0.9)
    ours, plain = still.game.g.optimizer, optax.adam(0.1, b1=0.0, b2=0.9)
    w, grad = jnp.array([1.0]), jnp.array([0.7])
    found, _ = ours.update(grad, ours.init(w), w)
    np.testing.assert_allclose(found, plain.update(grad, plain.init(w), w)[0], rtol=1e-6)


def test_the_losses_by_hand():
    game = variant().game
    state = adversarial.method(game).init(jax.random.key(0), {})
    params, g_params = state.nets["d"].params, state.nets["g"].params
    z = game.latents(game, draws.fold(KEYS, 0))
    fake = game.g.apply(g_params, {}, z, train=True)[0]

    def said(x):
        return game.d.apply(params, {}, x, train=True)[0].logits

    def steepness(x):
        return jnp.mean(jnp.sum(jax.vmap(jax.grad(lambda y: said(y[None])[0]))(x) ** 2, axis=-1))

    margin = said(REAL) - said(fake)
    for step in (0, 10):
        now = dataclasses.replace(state, step=jnp.int32(step))
        gamma = half_cosine(2, 0.2, step)
        expected = jnp.mean(jnp.logaddexp(0, -margin))
        expected += gamma / 2 * (steepness(REAL) + steepness(fake))
        found, _ = d_loss(game, params, now, REAL, KEYS)
        assert found == pytest.approx(float(expected), rel=1e-4)
        expected = jnp.mean(jnp.logaddexp(0, margin))
        assert g_loss(game, g_params, now, REAL, KEYS)[0] == pytest.approx(
            float(expected), rel=1e-4
        )


def test_augmentation_follows_the_schedule_and_not_d():
    fields = {"shape": (8, 8, 1), "techniques": {**TECHNIQUES, "augment": "ada"}}
    game = variant(**fields).game
    state = adversarial.method(game).init(jax.random.key(0), {})
    assert "ada" not in state.extras
    for step in (0, 5):
        now = dataclasses.replace(state, step=jnp.int32(step))
        assert limited.probability(game, now) == pytest.approx(half_cosine(0, 0.55, step), abs=1e-6)


def test_both_players_are_told_labels():
    network = {"name": "r3gan", "widths": (8, 8), "groups": (2, 2), "blocks": (1, 1)}
    fields = {"shape": (8, 8, 1), "generator": network, "discriminator": network}
    made = variant(**fields, conditional=True, num_classes=3)
    method = made.build()
    batch = {"image": jnp.zeros((4, 8, 8, 1)), "label": jnp.array([0, 1, 2, 0])}
    state = jax.jit(method.init)(jax.random.key(0), batch)
    latents = method.latents(jax.random.key(1), 2)
    first, second = (method.generate(state, latents, labels=k, averaged=False) for k in (0, 1))
    assert np.abs(first - second).max() > 1e-3
    logits = [method.scores(state, first, jnp.full(2, k)) for k in (0, 1)]
    assert np.abs(logits[0] - logits[1]).max() > 1e-4


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"conditional": True}, "conditional=True needs labels"),
        ({"schedule_kimg": 0.0}, "schedule_kimg must be above 0"),
        ({"b2_end": 1.0}, "b2_end must be in"),
        ({"augment_end": -0.1}, "augment_end in"),
        ({"gamma_end": float("nan")}, "gamma_end must be at least 0"),
    ],
)
def test_values_that_no_run_can_have_are_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        variant(**fields)
