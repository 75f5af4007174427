"""Likelihood bounds of latent-variable models, measured image by image over many latents.

Not for training: ``jaxgan.losses`` has the float32 bounds of a batch that a step differentiates.
Here they are float64, for every image, of log weights ``log p(x, z) - log q(z | x)`` in nats.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

# log_weight(images [C, ...], keys [C]) -> log weights [C], each from its own image and key.
LogWeight = Callable[[jax.Array, jax.Array], jax.Array]


@dataclass(frozen=True)
class Likelihood:
    """Two lower bounds of the mean log-likelihood, in nats per image.

    Attributes:
      elbo: the evidence lower bound, from ``samples`` draws of z.
      bound: the importance-weighted bound of ``samples`` draws, never below the ELBO.
      elbo_error: the standard error of ``elbo`` over images; nan for one image.
      bound_error: that of ``bound``.
      images: how many.
      samples: draws of z for each.
    """

    elbo: float
    bound: float
    elbo_error: float
    bound_error: float
    images: int
    samples: int


def elbo(log_weights: ArrayLike | jax.Array, *, axis: int = 0) -> np.ndarray:
    """The mean of log weights over draws of z: an ELBO for each image.

    Kingma and Welling 2014, "Auto-Encoding Variational Bayes", eq. 2, by Monte Carlo.

    Args:
      log_weights: [K, B].
      axis: that of the draws.

    Returns:
      float64 [B].

    Raises:
      ValueError: if a weight is nan or plus infinity, or there are no draws.
    """
    return _check(log_weights, axis).mean(axis=axis)


def importance_weighted_bound(log_weights: ArrayLike | jax.Array, *, axis: int = 0) -> np.ndarray:
    """``log (1 / K sum_k w_k)`` for each image; the ELBO for K = 1, log p(x) as K grows.

    Burda et al. 2016, "Importance Weighted Autoencoders", eq. 8.

    Args:
      log_weights: [K, B].
      axis: that of the draws.

    Returns:
      float64 [B]; minus infinity where all the weights are 0.

    Raises:
      ValueError: if a weight is nan or plus infinity, or there are no draws.
    """
    weights = _check(log_weights, axis)
    largest = weights.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(weights - shift).sum(axis=axis)
    with np.errstate(divide="ignore"):  # All weights 0: the logarithm is minus infinity.
        return np.log(total / weights.shape[axis]) + np.squeeze(shift, axis)


def estimate(
    log_weight: LogWeight,
    images: ArrayLike | jax.Array,
    key: jax.Array,
    *,
    samples: int,
    chunk: int = 128,
) -> Likelihood:
    """The ELBO and the importance-weighted bound of a model, means over images; see ``of_each``.

    Raises:
      ValueError: as ``of_each`` does.
    """
    first, second = of_each(log_weight, images, key, samples=samples, chunk=chunk)
    return Likelihood(
        elbo=float(first.mean()),
        bound=float(second.mean()),
        elbo_error=_standard_error(first),
        bound_error=_standard_error(second),
        images=len(first),
        samples=samples,
    )


def of_each(
    log_weight: LogWeight,
    images: ArrayLike | jax.Array,
    key: jax.Array,
    *,
    samples: int,
    chunk: int = 128,
    seeds: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The ELBO and the importance-weighted bound of each image, float64 [n].

    One draw of z for ``chunk`` images is on the device at a time. The key of draw k for image i is
    ``fold_in(fold_in(key, i), k)``, so chunks change nothing, and fewer samples are the first of
    more. With ``seeds`` it is ``fold_in(fold_in(key, seeds[i]), k)``, wherever the image stands.

    Args:
      log_weight: ``log_weight(images [C, ...], keys [C])``, which draws z from q(z | x) and
        returns ``log p(x | z) + log p(z) - log q(z | x)``, [C] in nats. Compiled once; bound to
        parameters by ``jax.tree_util.Partial`` it is not compiled anew for other ones.
      images: [n, ...], what ``log_weight`` takes.
      key: one key.
      samples: draws of z for each image: the K of the bound.
      chunk: images at a time; the last chunk is filled up with its last image.
      seeds: uint32 [n], or ``None``: the places 0, 1, ...

    Raises:
      ValueError: if there are no images, samples or chunk is below 1, or a log weight is not [C],
        or is nan or plus infinity.
    """
    images = np.asarray(images)
    if images.ndim < 1 or len(images) == 0:
        raise ValueError(f"images must be [n, ...] with n at least 1, got shape {images.shape}")
    if samples < 1 or chunk < 1:
        raise ValueError(f"samples and chunk must be at least 1, got {samples} and {chunk}")
    if not isinstance(log_weight, jax.tree_util.Partial):
        log_weight = jax.tree_util.Partial(log_weight)
    chunk = min(chunk, len(images))
    places = np.arange(len(images)) if seeds is None else np.asarray(seeds)
    elbos, bounds = [], []
    for start in range(0, len(images), chunk):
        size = min(chunk, len(images) - start)
        index = start + np.minimum(np.arange(chunk), size - 1)
        rows = jnp.asarray(images[index])
        draws = [_draw(log_weight, rows, key, places[index], k) for k in range(samples)]
        weights = np.stack([np.asarray(w) for w in draws])[:, :size]
        elbos.append(elbo(weights))
        bounds.append(importance_weighted_bound(weights))
    return np.concatenate(elbos), np.concatenate(bounds)


@jax.jit
def _draw(
    log_weight: LogWeight, images: jax.Array, key: jax.Array, seeds: jax.Array, draw: int
) -> jax.Array:
    """One log weight for each image, of the keys that belong to its seed and the draw."""
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.fold_in(key, i), draw))(seeds)
    weights = log_weight(images, keys)
    if weights.shape != seeds.shape:
        raise ValueError(f"log_weight must give [{len(seeds)}], got shape {weights.shape}")
    return weights.astype(jnp.float32)


def _check(log_weights: ArrayLike | jax.Array, axis: int) -> np.ndarray:
    weights = np.asarray(log_weights, np.float64)
    if weights.ndim == 0 or weights.shape[axis] == 0:
        raise ValueError(f"log_weights must be [K, B] with K at least 1, got {weights.shape}")
    if np.isnan(weights).any() or np.isposinf(weights).any():
        raise ValueError("log_weights have values that are nan or plus infinity")
    return weights


def _standard_error(values: np.ndarray) -> float:
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return float(values.std(ddof=1) / math.sqrt(len(values)))
