"""The terms of a variational autoencoder: log-likelihoods, KL, and the bounds made of them.

Conventions, the same for all: in nats, constants included; a term is float32 ``[B]``, *summed*
over all axes but the first (a mean over pixels would weigh the KL by their number); a bound is a
scalar, the mean over samples, and wants to be large: its negative is the loss.
"""

import jax
import jax.numpy as jnp
from jax.nn import logsumexp, softplus

from jaxgan.losses.reduce import align, difference, per_sample


def bernoulli_log_likelihood(logits: jax.Array, x: jax.Array) -> jax.Array:
    """``sum x log p + (1 - x) log(1 - p)`` for ``p = sigmoid(logits)``, ``[B]``.

    x is 0 or 1; for grey values in [0, 1] it is the usual surrogate, without the normalizer of
    the continuous Bernoulli. Kingma and Welling 2014, "Auto-Encoding Variational Bayes",
    eq. 11 (appendix C.1).

    Args:
      logits: ``[B, ...]``.
      x: of the same shape, in [0, 1]; not in [-1, 1].

    Raises:
      ValueError: if the shapes differ.
    """
    if logits.shape != x.shape:
        raise ValueError(f"x has shape {x.shape}, but logits have {logits.shape}")
    logits, x = logits.astype(jnp.float32), x.astype(jnp.float32)
    return -per_sample(x * softplus(-logits) + (1.0 - x) * softplus(logits))


def gaussian_log_likelihood(
    mean: jax.Array, x: jax.Array, log_variance: jax.Array | float = 0.0
) -> jax.Array:
    """``log N(x; mean, exp(log_variance))`` in nats, float32 ``[B]``: summed over other axes.

    ``-(log(2 pi) + log_variance + (x - mean)^2 / exp(log_variance)) / 2`` an element. The log of
    the variance, broadcast to the mean: a number for a fixed variance. Also the log density of
    z under the prior (mean and log-variance 0) and under q. Kingma and Welling 2014,
    "Auto-Encoding Variational Bayes", appendix C.2.

    Raises:
      ValueError: if ``x`` or ``log_variance`` do not fit ``mean``.
    """
    gap = difference("x", mean, x)
    log_variance = jnp.asarray(log_variance, jnp.float32)
    if jnp.broadcast_shapes(log_variance.shape, gap.shape) != gap.shape:
        raise ValueError(f"log_variance has shape {log_variance.shape} for a mean of {gap.shape}")
    log_variance = align(log_variance, gap)
    density = jnp.log(2 * jnp.pi) + log_variance + jnp.square(gap) * jnp.exp(-log_variance)
    return -per_sample(density) / 2


def kl_standard_normal(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """``KL(N(mean, exp(log_variance)) | N(0, I))``, ``[B]``, in closed form.

    ``sum (exp(log_variance) + mean^2 - 1 - log_variance) / 2``: that half belongs to it. Kingma
    and Welling 2014, appendix B.

    Raises:
      ValueError: if the shapes differ.
    """
    if mean.shape != log_variance.shape:
        raise ValueError(f"log_variance has shape {log_variance.shape} for a mean of {mean.shape}")
    mean, log_variance = mean.astype(jnp.float32), log_variance.astype(jnp.float32)
    # exp(v) - 1 - v cancels where q is near the prior, and so does its gradient: there a series.
    v, near = log_variance, jnp.abs(log_variance) < 0.03
    series = jnp.square(v) / 2 * (1 + v / 3 * (1 + v / 4))
    return per_sample(jnp.square(mean) + jnp.where(near, series, jnp.expm1(v) - v)) / 2


def elbo(log_likelihood: jax.Array, kl: jax.Array, *, beta: float = 1.0) -> jax.Array:
    """``mean (log p(x | z) - beta KL)``: the evidence lower bound for beta 1.

    Kingma and Welling 2014, eq. 3 and 7; beta: Higgins et al. 2017, "beta-VAE", eq. 4.

    Args:
      log_likelihood: ``[B]``, or ``[k, B]`` for k samples of z.
      kl: ``[B]``.
      beta: the weight of the KL.

    Raises:
      ValueError: if ``kl`` does not have the last axis of ``log_likelihood``.
    """
    if kl.ndim != 1 or kl.shape != log_likelihood.shape[-1:]:
        raise ValueError(f"kl has shape {kl.shape}, log_likelihood {log_likelihood.shape}")
    log_likelihood, kl = log_likelihood.astype(jnp.float32), kl.astype(jnp.float32)
    kl = jnp.asarray(beta, jnp.float32) * align(kl, log_likelihood)
    return jnp.mean(log_likelihood - kl)


def importance_weighted_bound(log_weights: jax.Array) -> jax.Array:
    """``mean log (1 / k sum_i w_i)`` over k samples of z; the ELBO for k = 1.

    ``log w = log p(x | z) + log p(z) - log q(z | x)``, of which the densities of z come from
    ``gaussian_log_likelihood``. Burda et al. 2016, "Importance Weighted Autoencoders", eq. 8.

    Args:
      log_weights: ``[k, B]``, the samples of z first.

    Raises:
      ValueError: if ``log_weights`` is not of two axes.
    """
    if log_weights.ndim != 2:
        raise ValueError(f"log_weights has shape {log_weights.shape}, but [k, B] is due")
    bound = logsumexp(log_weights.astype(jnp.float32), axis=0) - jnp.log(len(log_weights))
    return jnp.mean(bound)
