"""BiGAN and ALI: what the players see and are moved by, written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.config import variants
from jaxgan.learning.players import Players
from jaxgan.methods.bigan import BiGAN
from tests.conftest import same_bits

B, Z, SHAPE = 6, 3, (4, 4, 1)
NETWORK = {"name": "mlp", "features": (8,)}
FIELDS = {
    "generator": NETWORK,
    "encoder": NETWORK,
    "discriminator": {"name": "pair_mlp", "features": (8,)},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "shape": SHAPE,
    "latent_dim": Z,
}
IMAGES = jax.random.uniform(jax.random.key(1), (B, *SHAPE), minval=-1.0)
KEYS = jax.random.split(jax.random.key(2), B)
ROWS = {"image": IMAGES, "z": jax.random.normal(jax.random.key(3), (B, Z)), "key": KEYS}
REAL, FAKE = np.array([0.5, -1.5, 2.0]), np.array([1.0, 0.25, -0.5])


def make(**fields):
    return variants.made(BiGAN, {**FIELDS, **fields})


@pytest.fixture(scope="module")
def state():
    return make().build().init(jax.random.key(0), {"image": IMAGES})


def softplus(x):
    return np.logaddexp(0, x).mean()


@pytest.mark.parametrize("stochastic", [False, True])
def test_pairs_are_of_an_image_and_its_latents(state, stochastic):
    variant = make(stochastic=stochastic)
    run = lambda name, *x: Players(variant.players).apply(state.nets, name, *x)  # noqa: E731
    q = run("e", IMAGES)
    noise = np.stack([jax.random.normal(key, (Z,)) for key in KEYS])
    z = q.mean + stochastic * np.exp(q.log_variance / 2) * noise
    real = np.asarray(run("d", IMAGES, z).logits, np.float64)
    fake = np.asarray(run("d", run("g", ROWS["z"]), ROWS["z"]).logits, np.float64)
    value, metrics = variant.d_loss(run, ROWS)
    np.testing.assert_allclose(value, softplus(-real) + softplus(fake), rtol=1e-5)
    np.testing.assert_allclose(metrics["d/real"], real.mean(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(metrics["d/fake"], fake.mean(), rtol=1e-4, atol=1e-6)
    value, _ = variant.g_loss(run, ROWS)  # the labels exchanged
    np.testing.assert_allclose(value, softplus(real) + softplus(-fake), rtol=1e-5)


EXPECTED = {
    "minimax": -softplus(-REAL) - softplus(FAKE),  # equation 3 is minimized
    "non_saturating": softplus(REAL) + softplus(-FAKE),
    "least_squares": np.mean(REAL**2) + np.mean((FAKE - 1) ** 2),
    "hinge": np.mean(REAL - FAKE),  # as in BigBiGAN
    "wasserstein": np.mean(REAL - FAKE),
    "relativistic_pairing": softplus(REAL - FAKE),
    "relativistic_average": softplus(REAL - FAKE.mean()) + softplus(REAL.mean() - FAKE),
}


@pytest.mark.parametrize("name", losses.NAMES)
def test_every_loss_teaches_generator_and_encoder(name, monkeypatch):
    variant = make(loss=name)
    logits = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    monkeypatch.setattr(BiGAN, "logits", lambda *_: logits)
    value, _ = variant.g_loss(None, None)
    np.testing.assert_allclose(value, EXPECTED[name], rtol=1e-5)


def test_a_step_moves_all_three_and_the_encoder_has_an_average(state):
    method = make().build()
    new, _ = jax.jit(method.step)(state, {"image": IMAGES}, jax.random.key(7))
    assert not any(same_bits(new.nets[n].params, state.nets[n].params) for n in "ged")
    assert {name for name, net in new.nets.items() if net.ema is not None} == {"g", "e"}
    raw, averaged = (method.encode(new, IMAGES, averaged=a) for a in (False, True))
    assert raw.shape == averaged.shape == (B, Z)
    assert not same_bits(raw, averaged)


def test_a_loss_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="hinge"):
        make(loss="hinged")
