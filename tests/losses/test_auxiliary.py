"""The auxiliary losses and the terms of a VAE against PyTorch in float64, gradients too."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, PartitionSpec
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional

from jaxgan import losses

LABELS = np.array([2, 0, 1, 2])
# What is compiled here runs once: half the time to compile is worth more than speed.
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def compare(function, expected, *inputs):
    """Value and gradient in every input, against a PyTorch function of float64 tensors."""
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in inputs]
    reference = expected(*tensors)
    expected_grads = torch.autograd.grad(reference.sum(), tensors)

    def scalar(*args):
        value = function(*args)
        return jnp.sum(value), value

    grad = jit(jax.value_and_grad(scalar, tuple(range(len(inputs))), has_aux=True))
    (_, value), grads = grad(*inputs)
    assert value.dtype == jnp.float32
    assert value.shape == tuple(reference.shape)
    np.testing.assert_allclose(value, reference.detach().numpy(), rtol=1e-5)
    for a, b in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-5, atol=1e-6)


def test_feature_matching():
    real, fake = arrays((4, 3, 2), (6, 3, 2))
    compare(
        losses.feature_matching, lambda r, f: (r.mean(0) - f.mean(0)).square().sum(), real, fake
    )
    layers = {"a": real, "b": 2 * real}, {"a": real + 1, "b": 2 * real}
    np.testing.assert_allclose(losses.feature_matching(*layers), 6.0, rtol=1e-5)


def test_paired_feature_matching():
    real, fake = arrays((4, 3, 2), (4, 3, 2))
    compare(losses.paired_feature_matching, lambda r, f: (r - f).abs().mean(), real, fake)
    value = losses.paired_feature_matching([real, real], [real + 1, real - 2])
    np.testing.assert_allclose(value, 3.0, rtol=1e-5)  # a mean a layer, a sum over layers


def test_semi_supervised_losses_are_those_of_k_plus_one_classes():
    (logits,) = arrays((4, 3))

    def log_softmax(x):  # the class "fake" with its logit of 0, in the last place
        return torch.cat([x, torch.zeros(len(x), 1)], 1).log_softmax(1)

    compare(
        losses.semi_supervised_unlabelled,
        lambda x: -torch.log1p(-log_softmax(x)[:, -1].exp()).mean(),
        logits,
    )
    compare(losses.semi_supervised_generated, lambda x: -log_softmax(x)[:, -1].mean(), logits)
    compare(
        lambda x: losses.semi_supervised_labelled(x, LABELS),
        lambda x: functional.cross_entropy(log_softmax(x)[:, :3], torch.tensor(LABELS)),
        logits,
    )


def test_semi_supervised_losses_hold_for_large_logits():
    x = jnp.array([[300.0, -300.0], [-300.0, -400.0]])
    for loss in (losses.semi_supervised_unlabelled, losses.semi_supervised_generated):
        value, grad = jax.value_and_grad(loss)(x)
        np.testing.assert_allclose(value, 150, rtol=1e-5)
        assert jnp.isfinite(grad).all()


def test_auxiliary_classifier_takes_logits():
    (logits,) = arrays((4, 3))
    compare(
        lambda x: losses.auxiliary_classifier(x, LABELS),
        lambda x: functional.cross_entropy(x, torch.tensor(LABELS)),
        logits,
    )
    # Softmax before cross-entropy, a known mistake, is another number.
    twice = losses.auxiliary_classifier(jax.nn.softmax(logits), LABELS)
    assert abs(twice - losses.auxiliary_classifier(logits, LABELS)) > 0.05


@pytest.mark.parametrize("label", [-1, 3])
def test_a_class_that_does_not_exist_is_nan(label):
    (logits,) = arrays((2, 3))
    assert jnp.isnan(losses.auxiliary_classifier(logits, jnp.array([0, label])))


def test_mutual_information():
    logits, mean, code, log_variance = arrays((4, 2, 3), (4, 2), (4, 2), (4, 2))
    codes = np.stack([LABELS, LABELS[::-1]], 1)
    compare(
        lambda x: losses.mutual_information_categorical(x, codes),
        lambda x: functional.cross_entropy(x.reshape(8, 3), torch.tensor(codes.ravel())) * 2,
        logits,
    )
    one = losses.mutual_information_categorical(logits[:, 0], LABELS)
    np.testing.assert_allclose(one, losses.auxiliary_classifier(logits[:, 0], LABELS), rtol=1e-6)
    compare(
        losses.mutual_information_gaussian,
        lambda m, c, v: -Normal(m, (v / 2).exp()).log_prob(c).sum(1).mean(),
        mean,
        code,
        log_variance,
    )


def test_mutual_information_bound_is_the_entropy_for_a_perfect_q():
    logits = 100 * jax.nn.one_hot(LABELS, 3)
    assert losses.mutual_information_categorical(logits, LABELS) < 1e-6
    blind = losses.mutual_information_categorical(jnp.zeros((4, 3)), LABELS)
    np.testing.assert_allclose(math.log(3) - blind, 0, atol=1e-6)


@pytest.mark.parametrize("name", ["l1", "cycle", "identity"])
def test_absolute_distances(name):
    a, b = arrays((2, 3, 3, 1), (2, 3, 3, 1))
    compare(getattr(losses, name), functional.l1_loss, a, b)


def test_squared_distance():
    a, b = arrays((2, 3, 3, 1), (2, 3, 3, 1))
    compare(losses.l2, functional.mse_loss, a, b)


def two_layers(x):
    return {"first": x[:, ::2], "second": jnp.tanh(x)}


def test_perceptual():
    a, b = arrays((2, 4, 3, 2), (2, 4, 3, 2))

    def expected(x, y):
        first = functional.mse_loss(x[:, ::2], y[:, ::2])
        return 0.5 * first + 2 * functional.mse_loss(x.tanh(), y.tanh())

    compare(partial(losses.perceptual, two_layers, weights=(0.5, 2.0)), expected, a, b)
    unweighted = losses.perceptual(lambda x: x, a, b)
    np.testing.assert_allclose(unweighted, np.mean((a - b) ** 2), rtol=1e-5)


def test_lpips():
    a, b = arrays((2, 4, 3, 2), (2, 4, 3, 2))
    weights = [np.array([0.5, 2.0]), np.array([1.0, 3.0])]

    def expected(x, y):
        total = 0
        layers = ((x[:, ::2], y[:, ::2]), (x.tanh(), y.tanh()))
        for (p, q), w in zip(layers, weights, strict=True):
            square = (functional.normalize(p, dim=-1) - functional.normalize(q, dim=-1)).square()
            total = total + (square * torch.tensor(w)).sum(-1).mean()
        return total

    compare(partial(losses.lpips, two_layers, channel_weights=weights), expected, a, b)
    gradient = jax.grad(lambda x: losses.lpips(two_layers, x, b))(jnp.zeros_like(a))
    assert jnp.isfinite(gradient).all()  # features of length zero


def test_log_likelihoods():
    mean, x, log_variance = arrays((4, 3, 2), (4, 3, 2), (4, 3, 2))
    binary = (x > 0).astype(np.float32)
    compare(
        lambda m: losses.bernoulli_log_likelihood(m, binary),
        lambda m: Bernoulli(logits=m).log_prob(torch.tensor(binary)).sum((1, 2)),
        mean,
    )
    compare(
        losses.gaussian_log_likelihood,
        lambda m, x, v: Normal(m, (v / 2).exp()).log_prob(x).sum((1, 2)),
        mean,
        x,
        log_variance,
    )
    fixed = losses.gaussian_log_likelihood(mean, x, math.log(0.25))  # the variance, not the std
    expected = Normal(torch.tensor(mean), 0.5).log_prob(torch.tensor(x)).sum((1, 2))
    np.testing.assert_allclose(fixed, expected, rtol=1e-5)


def test_kl_to_the_standard_normal():
    mean, log_variance = arrays((4, 3), (4, 3))
    compare(
        losses.kl_standard_normal,
        lambda m, v: kl_divergence(Normal(m, (v / 2).exp()), Normal(0.0, 1.0)).sum(1),
        mean,
        log_variance,
    )


@pytest.mark.parametrize("scale", [1e-4, 1e-3, 0.02, 0.029, 0.031, 0.1])
def test_kl_does_not_cancel_near_the_prior(scale):
    v = scale * np.array([[1.0], [-1.0]], np.float32)
    value, gradient = jax.value_and_grad(
        lambda v: losses.kl_standard_normal(jnp.zeros_like(v), v).sum()
    )(v)
    wide = v.astype(np.float64)
    np.testing.assert_allclose(value, np.sum(np.expm1(wide) - wide) / 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, np.expm1(wide) / 2, rtol=1e-5)


@settings(deadline=None, max_examples=12)
@given(mean=st.floats(-3, 3), log_variance=st.floats(-6, 3))
def test_kl_is_positive_and_zero_at_the_prior(mean, log_variance):
    assert losses.kl_standard_normal(jnp.zeros((1, 2)), jnp.zeros((1, 2))) == 0
    point = jnp.full((1, 1), mean), jnp.full((1, 1), log_variance)
    assert losses.kl_standard_normal(*point) >= 0


def test_bounds():
    likelihood, kl, log_weights = arrays((4,), (4,), (5, 4))
    compare(partial(losses.elbo, beta=0.5), lambda p, k: (p - 0.5 * k).mean(), likelihood, kl)
    compare(
        losses.importance_weighted_bound, lambda w: w.exp().mean(0).log().mean(), 3 * log_weights
    )
    assert jnp.isfinite(losses.importance_weighted_bound(1000 * log_weights))
    one = losses.importance_weighted_bound(likelihood[None])
    np.testing.assert_allclose(one, likelihood.mean(), rtol=1e-6)
    assert losses.importance_weighted_bound(log_weights) >= log_weights.mean()  # Jensen


def test_the_importance_weighted_bound_reaches_the_evidence():
    # x = z + noise, both standard normal: log p(x) is that of N(0, 2).
    x, k = jnp.array([[0.7], [-1.2]]), 20_000
    q_mean, q_log_variance = 0.4 * x, jnp.log(0.6)
    z = q_mean + jnp.exp(q_log_variance / 2) * jax.random.normal(jax.random.key(0), (k, 2, 1))
    density = losses.gaussian_log_likelihood
    log_weights = jax.vmap(
        lambda z: density(z, x) + density(jnp.zeros((2, 1)), z) - density(q_mean, z, q_log_variance)
    )(z)
    expected = Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(np.asarray(x))).mean()
    np.testing.assert_allclose(losses.importance_weighted_bound(log_weights), expected, rtol=5e-3)


def every_loss(x, y):
    return {
        "feature_matching": losses.feature_matching(x, y),
        "paired_feature_matching": losses.paired_feature_matching(x, y),
        "auxiliary_classifier": losses.auxiliary_classifier(x, LABELS),
        "labelled": losses.semi_supervised_labelled(x, LABELS),
        "unlabelled": losses.semi_supervised_unlabelled(x),
        "generated": losses.semi_supervised_generated(x),
        "categorical": losses.mutual_information_categorical(x, LABELS),
        "gaussian": losses.mutual_information_gaussian(x, y, y),
        "l1": losses.l1(x, y),
        "l2": losses.l2(x, y),
        "cycle": losses.cycle(x, y),
        "identity": losses.identity(x, y),
        "perceptual": losses.perceptual(lambda a: a, x, y),
        "lpips": losses.lpips(lambda a: a, x, y),
        "bernoulli": losses.bernoulli_log_likelihood(x, y),
        "kl": losses.kl_standard_normal(x, y),
        "elbo": losses.elbo(x[:, 0], y[:, 0]),
        "bound": losses.importance_weighted_bound(x),
    }


def test_bfloat16_gives_float32_arithmetic():
    low = [jnp.asarray(a, jnp.bfloat16) for a in arrays((4, 3), (4, 3))]
    expected = jit(every_loss)(*(a.astype(jnp.float32) for a in low))
    for name, value in jit(every_loss)(*low).items():
        assert value.dtype == jnp.float32, name
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, err_msg=name)


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_feature_matching_over_devices():
    real, fake = arrays((8, 3), (8, 3))
    mesh = Mesh(np.array(jax.devices()[:4]), ("data",))

    def loss(w, real, fake, axis_name=None):
        return losses.feature_matching(jnp.tanh(w * real), jnp.tanh(w * fake), axis_name=axis_name)

    def shard(*args):
        return jax.lax.pmean(jax.value_and_grad(loss)(*args, "data"), "data")

    split, whole = PartitionSpec("data"), PartitionSpec()
    specs = {"mesh": mesh, "in_specs": (whole, split, split), "out_specs": whole}
    checked = partial(jax.value_and_grad(loss), axis_name="data")
    results = {
        "pmap": jax.pmap(
            shard, "data", in_axes=(None, 0, 0), out_axes=None, devices=jax.devices()[:4]
        )(1.5, real.reshape(4, 2, 3), fake.reshape(4, 2, 3)),
        "unchecked": jit(jax.shard_map(shard, **specs, check_vma=False))(1.5, real, fake),
        # The loss is the same on every device already, and so is its gradient.
        "checked": jit(jax.shard_map(checked, **specs))(1.5, real, fake),
    }
    expected = jax.value_and_grad(loss)(1.5, real, fake)
    for way, result in results.items():
        np.testing.assert_allclose(result, expected, rtol=1e-5, err_msg=way)


def test_bad_arguments_are_named():
    x, y = jnp.zeros((4, 3)), jnp.zeros((4, 2))
    labels = jnp.array(LABELS)
    cases = {
        "fake_features": lambda: losses.feature_matching(x, y),
        "fake_features has": lambda: losses.paired_feature_matching([x], [x, x]),
        "labels": lambda: losses.auxiliary_classifier(x, labels[:, None]),
        "labels is float32": lambda: losses.semi_supervised_labelled(x, jnp.zeros(4)),
        "codes": lambda: losses.mutual_information_categorical(x, labels[:2]),
        "log_variance": lambda: losses.mutual_information_gaussian(x, x, jnp.zeros((2, 4, 3))),
        "target": lambda: losses.l1(x, y),
        "reconstructions": lambda: losses.cycle(x, y),
        "translations": lambda: losses.identity(x, y),
        "weights": lambda: losses.perceptual(lambda a: a, x, x, weights=[1.0, 2.0]),
        "channel_weights": lambda: losses.lpips(lambda a: a, x, x, channel_weights=[]),
        "channel_weights has shape": lambda: losses.lpips(lambda a: a, x, x, channel_weights=[x]),
        "x has": lambda: losses.bernoulli_log_likelihood(x, y),
        "log_variance has": lambda: losses.kl_standard_normal(x, y),
        "kl": lambda: losses.elbo(x[:, 0], x[:1, 0]),
        "log_weights": lambda: losses.importance_weighted_bound(x[0]),
    }
    for name, call in cases.items():
        with pytest.raises(ValueError, match=name):
            call()
