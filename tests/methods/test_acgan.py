"""The auxiliary classifier GAN against equations 2 and 3 of its paper."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws, errors
from jaxgan.methods.acgan import ACGAN
from tests.adversarial.play import Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant

B, K = 8, 4
REAL = jax.random.normal(jax.random.key(7), (B, 2))
LABELS = jnp.array([0, 1, 2, 3, 3, 1, 0, 0], jnp.int32)
KEYS = draws.sample_keys(jax.random.key(1), B)
TOLD = {"labels": LABELS}


def make(**fields):
    return make_variant(ACGAN, {"num_classes": K, **fields})


def start(variant):
    # Compiled whole: op by op it takes ten times as long.
    return jax.jit(variant.build().init)(jax.random.key(0), {})


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def log_class(critique):
    scores = np.asarray(critique.heads["classes"], np.float64).reshape(B, K)
    log_p = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return log_p[np.arange(B), np.asarray(LABELS)]


@pytest.mark.parametrize(("weight", "m"), [(1.0, 1), (0.3, 1), (0.3, 2)])
def test_equations_2_and_3(weight, m):
    variant = make(loss="minimax", classifier_weight=weight, techniques={"pack": m})
    state = start(variant)
    d, g = (state.nets[n].params for n in "dg")
    z = draws.normal(draws.fold(KEYS, OfUpdate.LATENT), (Z,))
    fake, _ = variant.game.g.apply(g, {}, z, LABELS, train=True)
    # A pack of two points is a point of four coordinates, with two guesses.
    packs = (x.reshape(B // m, -1) for x in (REAL, fake))
    real, fake = (variant.game.d.apply(d, {}, x, train=True)[0] for x in packs)
    on_real, on_fake = (np.asarray(c.logits, np.float64) for c in (real, fake))
    source = np.mean(log_sigmoid(on_real)) + np.mean(log_sigmoid(-on_fake))
    classes = np.mean(log_class(real)) + np.mean(log_class(fake))
    loss, (_, metrics) = d_loss(variant.game, d, state, REAL, KEYS, TOLD)
    assert loss == pytest.approx(-(source + weight * classes), rel=1e-5)
    assert metrics["d/classifier_loss"] == pytest.approx(-classes, rel=1e-5)
    guess = np.asarray(real.heads["classes"]).reshape(B, K).argmax(-1)
    assert metrics["d/class_accuracy"] == np.mean(guess == np.asarray(LABELS))
    # G has no part in the terms of real samples.
    expected = np.mean(log_sigmoid(-on_fake)) - weight * np.mean(log_class(fake))
    loss, _ = g_loss(variant.game, g, state, REAL, KEYS, TOLD)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_is_not_told_the_label():
    variant = make()
    state = start(variant)
    assert set(state.nets["d"].params) == {"Dense_0", "logits", "head_classes"}
    assert variant.build().scores(state, REAL).shape == (B,)
    packed = make(techniques={"pack": 3})
    assert packed.build().scores(start(packed), REAL).shape == (B,)


def test_samples_are_of_the_labels_asked_for():
    method, key = make().build(), jax.random.key(5)
    state = jax.jit(method.init)(jax.random.key(0), {})
    cycle = method.sample(state, key, 6)
    labels = jnp.array([0, 1, 2, 3, 0, 1])
    np.testing.assert_array_equal(cycle, method.sample(state, key, 6, labels=labels))
    ones = method.sample(state, key, 6, labels=1)
    assert np.abs(ones[0] - cycle[0]).max() > 1e-4


@pytest.mark.slow
def test_it_learns_to_make_the_class_it_is_asked_for():
    """Four points, one a class: after some steps G's samples lie nearest to their own."""
    adam = {"name": "adam", "learning_rate": 5e-3, "b1": 0.5}
    wide = {"name": "mlp", "features": (32, 32)}
    method = make(
        generator={**wide, "output": "linear"},
        discriminator=wide,
        g_optimizer=adam,
        d_optimizer=adam,
        ema_decay=0.0,
    ).build()
    centres = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    labels = jnp.arange(32, dtype=jnp.int32) % K

    def step(state, key):
        noise = 0.05 * jax.random.normal(key, (32, 2))
        batch = {"image": centres[labels] + noise, "label": labels}
        return method.step(state, batch, key)

    state = jax.jit(method.init)(jax.random.key(0), {})
    state, _ = jax.jit(lambda s, k: jax.lax.scan(step, s, k))(
        state, jax.random.split(jax.random.key(1), 600)
    )
    samples = method.sample(state, jax.random.key(2), 200)
    nearest = jnp.argmin(jnp.linalg.norm(samples[:, None] - centres, axis=-1), axis=-1)
    assert np.mean(np.asarray(nearest) == np.arange(200) % K) > 0.95


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"classifier_weight": 0.0}, ValueError, "classifier_weight must be above 0"),
        (
            {"discriminator": {"name": "tests.methods.unlabelled"}},
            errors.UserError,
            "discriminator 'tests.methods.unlabelled' takes no heads",
        ),
    ],
)
def test_values_no_run_can_have(fields, error, told):
    with pytest.raises(error, match=told):
        make(**fields).build()
