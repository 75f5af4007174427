"""The variational autoencoder: its bounds written out in NumPy, and what it binarizes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial import several
from jaxgan.base import errors
from jaxgan.config import variants
from jaxgan.learning.players import Players
from jaxgan.methods import vae
from jaxgan.methods.vae import VAE
from tests.conftest import same_bits

B, Z, SHAPE = 6, 3, (4, 4, 1)
SGD = {"name": "sgd", "learning_rate": 0.1}
NETWORK = {"name": "mlp", "features": (8,)}
FIELDS = {
    "generator": {**NETWORK, "output": "linear"},
    "encoder": NETWORK,
    "optimizer": SGD,
    "shape": SHAPE,
    "latent_dim": Z,
}
IMAGES = jnp.round(jax.random.uniform(jax.random.key(1), (B, *SHAPE)) * 255) / 127.5 - 1
KEYS = jax.random.split(jax.random.key(2), B)
ROWS = {
    "image": IMAGES,
    "z": jax.random.normal(jax.random.key(3), (B, Z)),
    "key": KEYS,
    "step": jnp.zeros(B, jnp.int32),
}


def make(**fields):
    return variants.made(VAE, {**FIELDS, **fields})


@pytest.fixture(scope="module")
def state():
    made = make().build()
    fresh = made.init(jax.random.key(0), {"image": IMAGES})
    # Away from the start, where variances are nearly 1.
    params = jax.tree.map(lambda x: 2 * x + 0.1, fresh.nets["e"].params)
    encoder = dataclasses.replace(fresh.nets["e"], params=params)
    return dataclasses.replace(fresh, nets={**fresh.nets, "e": encoder})


def measured(variant, state, rows=ROWS):
    run = lambda name, *x: Players(variant.players).apply(state.nets, name, *x)  # noqa: E731
    return jax.jit(lambda: variant.loss(run, rows))()


def dense(params, x, names):
    for name in names:
        x = x @ np.asarray(params[name]["kernel"], np.float64) + np.asarray(params[name]["bias"])
        x = np.maximum(x, 0) if name != names[-1] else x
    return x


def posterior(state, x):
    params = state.nets["e"].params
    return [dense(params, x, ("Dense_0", end)) for end in ("mean", "log_variance")]


def decoded(state, z):
    return dense(state.nets["g"].params, z, ("Dense_0", "Dense_1"))


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


def bernoulli(logits, x):
    p = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)


def normal(x, mean, variance):
    return -0.5 * np.sum(np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance, axis=1)


def by_hand(state, noise, likelihood):
    mean, log_variance = posterior(state, flat(IMAGES))
    z = mean + np.exp(log_variance / 2) * noise
    fit = likelihood(decoded(state, z))
    kl = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=1)
    weights = fit + normal(z, 0, 1) - normal(z, mean, np.exp(log_variance))
    return fit, kl, weights


def grey(logits):
    return bernoulli(logits, (flat(IMAGES) + 1) / 2)


def test_the_loss_is_the_negative_elbo(state):
    fit, kl, _ = by_hand(state, flat(ROWS["z"]), grey)
    value, metrics = measured(make(), state)
    np.testing.assert_allclose(value, np.mean(kl - fit), rtol=1e-5)
    np.testing.assert_allclose(metrics["g/log_likelihood"], np.mean(fit), rtol=1e-5)
    np.testing.assert_allclose(metrics["e/kl"], np.mean(kl), rtol=1e-5)
    np.testing.assert_allclose(metrics["g/elbo"], np.mean(fit - kl), rtol=1e-5)
    heavy, _ = measured(make(beta=4.0), state)
    np.testing.assert_allclose(heavy, np.mean(4 * kl - fit), rtol=1e-5)


def test_pixels_of_a_normal_distribution(state):
    likelihood = lambda mean: normal(flat(IMAGES), mean, 0.25)  # noqa: E731
    fit, kl, _ = by_hand(state, flat(ROWS["z"]), likelihood)
    value, _ = measured(make(likelihood="gaussian", deviation=0.5), state)
    np.testing.assert_allclose(value, np.mean(kl - fit), rtol=1e-5)


def test_several_draws_give_the_importance_weighted_bound(state):
    variant, k = make(samples=5), 5
    weights = []
    for i in range(k):
        keys = [jax.random.split(key, k)[i] for key in KEYS]
        noise = jnp.stack([jax.random.normal(key, (Z,)) for key in keys])
        weights.append(by_hand(state, flat(noise), grey)[2])
    weights = np.stack(weights)
    value, metrics = measured(variant, state)
    expected = np.mean(np.log(np.mean(np.exp(weights), axis=0)))
    np.testing.assert_allclose(value, -expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["g/elbo"], weights.mean(), rtol=1e-5)
    assert expected > weights.mean()


def test_log_weights_are_in_the_mean_the_bound(state):
    variant = make()
    draws = jax.random.split(jax.random.key(5), (400, B))
    weigh = jax.jit(jax.vmap(variant.log_weight, (None, None, 0)))
    found = weigh(state, IMAGES, draws)
    noise = jax.vmap(lambda key: jax.random.normal(key, (Z,)))(draws[0])
    np.testing.assert_allclose(found[0], by_hand(state, flat(noise), grey)[2], rtol=1e-4)
    elbos = [
        measured(variant, state, {**ROWS, "z": z})[1]["g/elbo"]
        for z in jax.random.normal(jax.random.key(6), (20, B, Z))
    ]
    spread = np.std(elbos) / 20**0.5 + found.mean(axis=1).std() / 20
    assert abs(found.mean() - np.mean(elbos)) < 4 * spread


def test_the_kl_grows_in_and_a_latent_costs_its_free_bits_at_least(state):
    fit, kl, _ = by_hand(state, flat(ROWS["z"]), grey)
    for step, part in ((0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0)):
        rows = {**ROWS, "step": jnp.full(B, step)}
        value, _ = measured(make(warmup_steps=10), state, rows)
        np.testing.assert_allclose(value, np.mean(part * kl - fit), rtol=1e-5)
    mean, log_variance = posterior(state, flat(IMAGES))
    each = -0.5 * np.mean(1 + log_variance - mean**2 - np.exp(log_variance), axis=0)
    free = float(np.median(each))
    value, _ = measured(make(free_bits=free), state)
    np.testing.assert_allclose(value, np.maximum(each, free).sum() - np.mean(fit), rtol=1e-5)


def test_pixels_are_drawn_anew_or_once_for_each_image():
    x = (np.asarray(IMAGES) + 1) / 2
    draws = jax.random.split(jax.random.key(7), (600, B))
    anew = jax.vmap(make(binarization="dynamic").observed, (None, 0))(IMAGES, draws)
    assert set(np.unique(anew)) == {0.0, 1.0}
    np.testing.assert_allclose(np.mean(anew, axis=0), x, atol=5 * 0.5 / 600**0.5)
    once = make(binarization="fixed").observed
    first, again = once(IMAGES, draws[0]), once(IMAGES[::-1], draws[1])
    assert same_bits(first, again[::-1])
    assert len({row.tobytes() for row in np.asarray(vae_keys())}) == B
    many = jnp.round(jax.random.uniform(jax.random.key(8), (3000, 4, 4, 1)) * 255) / 127.5 - 1
    drawn = once(many, None)
    np.testing.assert_allclose(jnp.mean(drawn - (many + 1) / 2), 0, atol=0.01)


def test_the_bound_of_an_image_is_of_one_drawing_of_it(state):
    found = [make(binarization=b).log_weight(state, IMAGES, KEYS) for b in ("dynamic", "fixed")]
    assert same_bits(*found)


def vae_keys():
    return jax.random.key_data(vae.of_content(IMAGES))


def test_images_are_encoded_as_means_and_made_again_in_range(state):
    made = make().build()
    z = made.encode(state, IMAGES)
    np.testing.assert_allclose(z, posterior(state, flat(IMAGES))[0], rtol=1e-4, atol=1e-5)
    found = made.generate(state, z)
    expected = np.tanh(decoded(state, flat(z)) / 2).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli, gaussian"),
        ({"binarization": "often"}, "binarization must be one of none, dynamic, fixed"),
        ({"likelihood": "gaussian", "binarization": "fixed"}, "binarization has no meaning"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"deviation": 0.0}, "deviation more than 0"),
        ({"beta": -1.0}, "must be at least 0"),
        ({"samples": 2, "beta": 2.0}, "has no KL"),
        ({"generator": {**NETWORK, "output": "tanh"}}, "must be 'linear'"),
    ],
)
def test_fields_that_no_run_can_have_are_refused(fields, told):
    with pytest.raises((ValueError, errors.UserError), match=told):
        make(**fields)


def test_its_fields_are_those_of_several_and_its_own():
    assert {f.name for f in dataclasses.fields(several.Common)} - {
        "axis_name",
        "precision",
        "accumulate",
        "rematerialize",
    } < set(variants.fields(VAE))
