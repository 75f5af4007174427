"""Losses beside the adversarial one on what a discriminator knows: features, classes, codes.

Conventions, the same for all: logits, never probabilities; float32 scalars, to be minimized; the
mean over samples; no factor of one half and no weight.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import logsumexp, softplus

from jaxgan.losses.likelihoods import gaussian_log_likelihood
from jaxgan.losses.reduce import difference, per_sample, total

PyTree = Any


def feature_matching(
    real_features: PyTree, fake_features: PyTree, *, axis_name: str | None = None
) -> jax.Array:
    """``|mean f(x) - mean f(G(z))|^2``, the squared distance of the batches' mean features.

    Means over the first axis and, with ``axis_name``, over the devices that share the batch;
    summed over features and, for a tree of layers, over layers. Batches may differ in size.
    Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.1.

    Raises:
      ValueError: if features differ in structure or in shape beyond the batch.
    """

    def gap(real: jax.Array, fake: jax.Array) -> jax.Array:
        if real.shape[1:] != fake.shape[1:]:
            raise ValueError(f"fake_features has shape {fake.shape}, but real has {real.shape}")
        means = [jnp.mean(x.astype(jnp.float32), axis=0) for x in (real, fake)]
        if axis_name is not None:
            means = lax.pmean(means, axis_name)
        return jnp.sum(jnp.square(means[0] - means[1]))

    return total(gap, "fake_features", real_features, fake_features)


def paired_feature_matching(real_features: PyTree, fake_features: PyTree) -> jax.Array:
    """``sum over layers of mean |f(x) - f(G(z))|``, sample against sample.

    Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with Conditional
    GANs" (pix2pixHD), eq. 4.

    Raises:
      ValueError: if features differ in structure or shape.
    """

    def gap(real: jax.Array, fake: jax.Array) -> jax.Array:
        return jnp.mean(jnp.abs(difference("fake_features", real, fake)))

    return total(gap, "fake_features", real_features, fake_features)


def representation_alignment(features: jax.Array, targets: jax.Array) -> jax.Array:
    """``(1 - cos) of the whole + mean over places of (1 - cos)``, of features and an encoder's.

    Yu et al. 2025, "Representation Alignment for Generation" (arXiv:2410.06940), eq. 2 with the
    cosine, as GAT (arXiv:2509.24935) has it: of the discriminator's features of real samples.

    Args:
      features: [B, 1 + T, C], of the whole image and then of T places.
      targets: likewise; no gradient flows into them.

    Raises:
      ValueError: if the shapes differ, or there are no places.
    """
    if features.shape != targets.shape or features.ndim != 3 or features.shape[1] < 2:
        raise ValueError(f"features {features.shape} and targets {targets.shape} are to be alike")
    a, b = (_unit(x.astype(jnp.float32)) for x in (features, lax.stop_gradient(targets)))
    gaps = 1 - jnp.sum(a * b, axis=-1)
    return jnp.mean(gaps[:, 0]) + jnp.mean(gaps[:, 1:])


def _unit(x: jax.Array) -> jax.Array:
    """Vectors [..., C] of length 1; those of zeros stay."""
    return x * lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=-1, keepdims=True), 1e-16))


def semi_supervised_labelled(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """``mean (logsumexp(l) - l_y)`` for labelled real samples: cross-entropy over the K classes.

    One of three for a discriminator of K logits ``[B, K]``, where the logit of the class "fake"
    is fixed at 0, so that ``D(x) = Z / (Z + 1)`` with ``Z = sum exp l``. The authors' code has
    halves before the other two. Salimans et al. 2016, section 5.

    Args:
      logits: ``[..., K]``.
      labels: ``[...]``, integers in [0, K). The loss is nan where one is outside.

    Raises:
      ValueError: if labels do not have the shape of the logits without the last axis.
    """
    return jnp.mean(_cross_entropy("labels", logits, labels))


def semi_supervised_unlabelled(logits: jax.Array) -> jax.Array:
    """``-mean log D(x) = mean softplus(-logsumexp(l))``, for real samples ``[..., K]``.

    On generated samples it is the non-saturating loss of G; the paper prefers
    ``feature_matching``. Salimans et al. 2016, section 5.
    """
    return jnp.mean(softplus(-logsumexp(logits.astype(jnp.float32), axis=-1)))


def semi_supervised_generated(logits: jax.Array) -> jax.Array:
    """``-mean log(1 - D(G(z))) = mean softplus(logsumexp(l))``, for fakes ``[..., K]``.

    Salimans et al. 2016, section 5.
    """
    return jnp.mean(softplus(logsumexp(logits.astype(jnp.float32), axis=-1)))


def auxiliary_classifier(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """``mean (logsumexp(l) - l_y)``: softmax cross-entropy, from logits.

    D adds it on real and on generated samples, G on its own, each to what it minimizes. Odena et
    al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs", eq. 3.

    Args:
      logits: ``[..., K]``, not softmaxed: twice would flatten the gradient.
      labels: ``[...]``, integers in [0, K). The loss is nan where one is outside.

    Raises:
      ValueError: if labels do not have the shape of the logits without the last axis.
    """
    return jnp.mean(_cross_entropy("labels", logits, labels))


def mutual_information_categorical(logits: jax.Array, codes: jax.Array) -> jax.Array:
    """``-mean log Q(c | x)`` in nats, to be minimized by G and Q; summed over the codes.

    The bound on the mutual information is the entropy of c less this: ``C log K - loss`` for C
    uniform codes of K values. Chen et al. 2016, "InfoGAN", eq. 5.

    Args:
      logits: of Q, ``[B, K]`` for one code or ``[B, C, K]`` for C.
      codes: ``[B]`` or ``[B, C]``, integers in [0, K). The loss is nan where one is outside.

    Raises:
      ValueError: if codes do not have the shape of the logits without the last axis.
    """
    return jnp.mean(per_sample(_cross_entropy("codes", logits, codes)))


def mutual_information_gaussian(
    mean: jax.Array, codes: jax.Array, log_variance: jax.Array | float = 0.0
) -> jax.Array:
    """``-mean log N(c; mean, exp(log_variance))`` in nats, summed over the codes ``[B, C]``.

    With the constant ``log(2 pi) / 2`` a code, and the half of a normal density's exponent. The
    log of the *variance*: pass ``2 log_std`` for a network that gives the log of the standard
    deviation. Chen et al. 2016, "InfoGAN", eq. 5 and section 6 (factored Gaussian).

    Raises:
      ValueError: if ``codes`` or ``log_variance`` do not fit ``mean``.
    """
    return -jnp.mean(gaussian_log_likelihood(mean, codes, log_variance))


def _cross_entropy(name: str, logits: jax.Array, labels: jax.Array) -> jax.Array:
    if labels.shape != logits.shape[:-1] or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"{name} is {labels.dtype}{list(labels.shape)}, but integers of shape "
            f"{list(logits.shape[:-1])} are due for logits of {list(logits.shape)}"
        )
    logits = logits.astype(jnp.float32)
    # An index from the end, or past it, would silently pick another class.
    inside = (labels >= 0) & (labels < logits.shape[-1])
    index = jnp.where(inside, labels, 0)[..., None]
    chosen = jnp.take_along_axis(logits, index, axis=-1)[..., 0]
    return jnp.where(inside, logsumexp(logits, axis=-1) - chosen, jnp.nan)
