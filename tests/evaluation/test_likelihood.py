import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import torch

from jaxgan import losses
from jaxgan.evaluation.metrics import likelihood
from jaxgan.evaluation.metrics.likelihood import elbo, estimate, importance_weighted_bound

D, Z, NOISE = 5, 2, 0.5
_rng = np.random.default_rng(0)
W, MU = _rng.normal(size=(D, Z)), _rng.normal(size=D)
COVARIANCE = W @ W.T + NOISE**2 * np.eye(D)
POSTERIOR = np.linalg.inv(np.eye(Z) + W.T @ W / NOISE**2)
ROOT = np.linalg.cholesky(POSTERIOR)
IMAGES = MU + _rng.normal(size=(23, Z)) @ W.T + NOISE * _rng.normal(size=(23, D))
# log p(x) of probabilistic PCA in closed form: x ~ N(mu, W W^T + noise^2 I).
_marginal = torch.distributions.MultivariateNormal(*map(torch.tensor, (MU, COVARIANCE)))
LOG_P = _marginal.log_prob(torch.tensor(IMAGES)).numpy()


def log_weight(shift, stretch, images, keys):
    """Log weights under q = the exact posterior, moved and stretched."""

    def log_normal(noise, log_determinant):
        """Of noise N(0, I), mapped by a root of this determinant."""
        constant = noise.shape[-1] * np.log(2 * np.pi) / 2
        return -jnp.square(noise).sum(axis=-1) / 2 - constant - log_determinant

    mean = (images - MU) @ W @ POSTERIOR.T / NOISE**2 + shift
    noise = jax.vmap(lambda key: jax.random.normal(key, (Z,)))(keys)
    z = mean + stretch * noise @ ROOT.T
    log_q = log_normal(noise, np.log(np.linalg.det(ROOT)) + Z * jnp.log(stretch))
    residual = (images - MU - z @ W.T) / NOISE
    return log_normal(residual, D * np.log(NOISE)) + log_normal(z, 0.0) - log_q


def model(shift=0.0, stretch=1.0):
    return jax.tree_util.Partial(log_weight, shift, stretch)


def test_bounds_against_scipy_torch_and_the_losses():
    w = np.random.default_rng(1).normal(size=(6, 4)) * 5 - 1000
    expected = scipy.special.logsumexp(w, axis=0) - np.log(6)
    np.testing.assert_allclose(importance_weighted_bound(w), expected, rtol=1e-14)
    by_torch = torch.logsumexp(torch.tensor(w), 0) - np.log(6)
    np.testing.assert_allclose(importance_weighted_bound(w), by_torch, rtol=1e-14)
    np.testing.assert_allclose(importance_weighted_bound(w.T, axis=1), expected, rtol=1e-14)
    np.testing.assert_allclose(elbo(w), w.mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(importance_weighted_bound(w[:1]), elbo(w[:1]))
    in_training = losses.importance_weighted_bound(jnp.asarray(w))
    assert importance_weighted_bound(w).mean() == pytest.approx(float(in_training), rel=1e-6)


def test_weights_of_zero():
    w = np.array([[-np.inf, -np.inf], [3.0, -np.inf]])
    found = importance_weighted_bound(w)
    assert found[0] == pytest.approx(3 - np.log(2))
    assert found[1] == -np.inf


def test_the_exact_posterior_gives_the_marginal_likelihood_from_any_draw():
    found = estimate(model(), IMAGES, jax.random.key(0), samples=3, chunk=8)
    assert found.elbo == pytest.approx(LOG_P.mean(), abs=1e-4)
    assert found.bound == pytest.approx(LOG_P.mean(), abs=1e-4)
    assert found.bound_error == pytest.approx(LOG_P.std(ddof=1) / np.sqrt(23), rel=1e-3)
    assert (found.images, found.samples) == (23, 3)


def test_another_q_gives_the_elbo_of_theory_and_the_likelihood_in_the_limit():
    shift, stretch = np.array([0.1, -0.1]), 1.4
    # log p(x) - KL(q | posterior), the same for every image.
    gap = shift @ np.linalg.inv(POSTERIOR) @ shift
    kl = (Z * (stretch**2 - 1 - 2 * np.log(stretch)) + gap) / 2
    found = estimate(model(shift, stretch), IMAGES, jax.random.key(1), samples=600)
    assert found.elbo == pytest.approx(LOG_P.mean() - kl, abs=0.05)
    assert found.bound == pytest.approx(LOG_P.mean(), abs=0.02)
    assert found.elbo < found.bound - 0.2


def test_chunks_change_nothing():
    key, wide = jax.random.key(2), model(0.2, 1.3)
    whole = estimate(wide, IMAGES, key, samples=5)
    for chunk in (7, 100):
        part = estimate(wide, jnp.asarray(IMAGES), key, samples=5, chunk=chunk)
        assert part.elbo == pytest.approx(whole.elbo, abs=1e-5)
        assert part.bound == pytest.approx(whole.bound, abs=1e-5)
    other = estimate(wide, IMAGES, jax.random.key(3), samples=5)
    assert abs(other.elbo - whole.elbo) > 1e-3


def test_draws_differ_between_images_and_samples():

    def uniform(images, keys):
        return jax.vmap(jax.random.uniform)(keys)

    draw = jax.tree_util.Partial(uniform)
    images, index = jnp.zeros((2, 3)), np.arange(2)
    found = [likelihood._draw(draw, images, jax.random.key(4), index, k) for k in range(2)]
    assert len(set(np.concatenate(found).tolist())) == 4


def test_bound_parameters_compile_once():
    likelihood._draw.clear_cache()
    for stretch in (1.1, 1.2, 1.3):
        estimate(model(0.1, stretch), IMAGES, jax.random.key(5), samples=2, chunk=10)
    assert likelihood._draw._cache_size() == 1


def test_bad_input_is_named():
    key = jax.random.key(6)
    with pytest.raises(ValueError, match="images must be"):
        estimate(model(), IMAGES[:0], key, samples=1)
    with pytest.raises(ValueError, match="samples and chunk"):
        estimate(model(), IMAGES, key, samples=0)
    with pytest.raises(ValueError, match=r"log_weight must give \[23\]"):
        estimate(lambda x, keys: x, IMAGES, key, samples=1)
    with pytest.raises(ValueError, match="log_weights have values that are nan"):
        estimate(lambda x, keys: x[:, 0] * jnp.nan, IMAGES, key, samples=1)
    with pytest.raises(ValueError, match="log_weights must be"):
        elbo(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="log_weights have values"):
        importance_weighted_bound(np.full((2, 3), np.inf))
