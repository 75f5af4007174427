"""The VAE-GAN: its losses written out in NumPy, and which of them moves whom."""

import jax
import numpy as np
import pytest

from jaxgan.base import errors
from jaxgan.config import variants
from jaxgan.learning.players import Players
from jaxgan.methods.vaegan import VAEGAN
from tests.conftest import same_bits

B, Z, SHAPE = 6, 3, (4, 4, 1)
NETWORK = {"name": "mlp", "features": (8,)}
FIELDS = {
    "generator": NETWORK,
    "encoder": NETWORK,
    "discriminator": NETWORK,
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "shape": SHAPE,
    "latent_dim": Z,
}
IMAGES = jax.random.uniform(jax.random.key(1), (B, *SHAPE), minval=-1.0)
KEYS = jax.random.split(jax.random.key(2), B)
ROWS = {"image": IMAGES, "z": jax.random.normal(jax.random.key(3), (B, Z)), "key": KEYS}


def make(**fields):
    return variants.made(VAEGAN, {**FIELDS, **fields})


@pytest.fixture(scope="module")
def state():
    return make().build().init(jax.random.key(0), {"image": IMAGES})


def dense(params, x, name):
    return x @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"])


def by_hand(state):
    """Reconstructions, images of the prior, the KL, and D's logits and features of all three."""
    nets = {name: net.params for name, net in state.nets.items()}
    flat = np.asarray(IMAGES, np.float64).reshape(B, -1)
    hidden = np.maximum(dense(nets["e"], flat, "Dense_0"), 0)
    mean, log_variance = (dense(nets["e"], hidden, end) for end in ("mean", "log_variance"))
    noise = np.stack([jax.random.normal(key, (Z,)) for key in KEYS])

    def decoded(z):
        hidden = np.maximum(dense(nets["g"], np.asarray(z, np.float64), "Dense_0"), 0)
        return np.tanh(dense(nets["g"], hidden, "Dense_1"))

    def judged(x):
        features = dense(nets["d"], x, "Dense_0")
        features = np.where(features > 0, features, 0.2 * features)
        return dense(nets["d"], features, "logits")[:, 0], features

    images = flat, decoded(mean + np.exp(log_variance / 2) * noise), decoded(ROWS["z"])
    kl = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=1)
    return images, kl.mean(), [judged(x) for x in images]


def softplus(x):
    return np.logaddexp(0, x).mean()


def normal(x, mean, deviation):
    gap = np.square((x - mean) / deviation) + np.log(2 * np.pi * deviation**2)
    return -0.5 * gap.sum(axis=1).mean()


@pytest.mark.parametrize("deviation", [1.0, 0.5])
def test_losses_are_those_of_algorithm_1(state, deviation):
    variant = make(deviation=deviation, gamma=0.3)
    run = lambda name, *x: Players(variant.players).apply(state.nets, name, *x)  # noqa: E731
    _, kl, ((real, x), (again, x_again), (fresh, _)) = by_hand(state)
    fit = normal(x, x_again, deviation)
    found, metrics = variant.e_loss(run, ROWS)
    np.testing.assert_allclose(found, kl - fit, rtol=1e-5)
    np.testing.assert_allclose(metrics["e/kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(metrics["e/log_likelihood"], fit, rtol=1e-5)
    found, _ = variant.d_loss(run, ROWS)
    expected = softplus(-real) + (softplus(again) + softplus(fresh)) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found, metrics = variant.g_loss(run, ROWS)
    expected = softplus(-again) + softplus(-fresh)
    np.testing.assert_allclose(metrics["g/adversarial"], expected, rtol=1e-5)
    np.testing.assert_allclose(found, expected - 0.3 * fit, rtol=1e-5)


def test_the_plain_form_is_a_gan_and_a_bound_of_pixels(state):
    variant = make(likelihood="pixels", gamma=0.3, loss="relativistic_pairing")
    run = lambda name, *x: Players(variant.players).apply(state.nets, name, *x)  # noqa: E731
    (images, remade, _), kl, ((real, _), _, (fresh, _)) = by_hand(state)
    fit = normal(images, remade, 1.0)
    np.testing.assert_allclose(variant.e_loss(run, ROWS)[0], kl - fit, rtol=1e-5)
    np.testing.assert_allclose(variant.d_loss(run, ROWS)[0], softplus(fresh - real), rtol=1e-5)
    expected = softplus(real - fresh) - 0.3 * fit
    np.testing.assert_allclose(variant.g_loss(run, ROWS)[0], expected, rtol=1e-5)


def test_each_network_feels_its_own_terms_alone(state):
    def stepped(**fields):
        step = jax.jit(make(**fields).build().step)
        return step(state, {"image": IMAGES}, jax.random.key(7))[0].nets

    before, plain = state.nets, stepped()
    assert not any(same_bits(before[name].params, plain[name].params) for name in "ged")
    # gamma, and what a generator's loss is, are the decoder's; the likelihood is not D's.
    for fields, kept in (({"gamma": 1.0, "loss": "minimax"}, "ed"), ({"deviation": 3.0}, "d")):
        changed = stepped(**fields)
        same = "".join(name for name in "ed" if same_bits(plain[name].params, changed[name].params))
        assert same == kept
        assert not same_bits(plain["g"].params, changed["g"].params)


def test_images_are_encoded_as_means_and_scored_by_d(state):
    method = make().build()
    _, _, ((real, _), *_) = by_hand(state)
    np.testing.assert_allclose(method.scores(state, IMAGES), real, rtol=1e-4, atol=1e-5)
    z = method.encode(state, IMAGES)
    hidden = dense(state.nets["e"].params, np.asarray(IMAGES).reshape(B, -1), "Dense_0")
    mean = dense(state.nets["e"].params, np.maximum(hidden, 0), "mean")
    np.testing.assert_allclose(z, mean, rtol=1e-4, atol=1e-5)
    assert method.generate(state, z).shape == IMAGES.shape


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"likelihood": "edges"}, "likelihood must be one of features, pixels"),
        ({"deviation": 0.0}, "deviation must be more than 0"),
        ({"gamma": -1.0}, "gamma at least 0"),
        ({"loss": "hinged"}, "hinge"),
    ],
)
def test_fields_that_no_run_can_have_are_refused(fields, told):
    with pytest.raises((ValueError, errors.UserError), match=told):
        make(**fields)
