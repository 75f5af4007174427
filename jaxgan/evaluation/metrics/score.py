"""The Inception-style score: how sure and how varied a classifier finds the samples."""

from itertools import pairwise

import jax
import numpy as np
from numpy.typing import ArrayLike


def classifier_score(logits: ArrayLike | jax.Array, *, splits: int = 10) -> tuple[float, float]:
    """``exp(mean_x KL(p(y|x) || p(y)))`` over splits of the samples, from 1 to C.

    Salimans et al. 2016, "Improved Techniques for Training GANs", section 4. It is the Inception
    score only where the logits are those of the Inception network. Splits are consecutive, so
    samples must not be sorted by class. The score grows with the size of a split: compare at one.

    Args:
      logits: [n, C], finite; any constant may be added to a row.
      splits: from 1 to n parts, of sizes that differ by 1 at most.

    Returns:
      The mean and the standard deviation (of the population, as in the authors' code) over splits.

    Raises:
      ValueError: if logits are not [n, C] and finite, or splits are not between 1 and n.
    """
    logits = np.asarray(logits).astype(np.float64)
    if logits.ndim != 2 or logits.size == 0:
        raise ValueError(f"logits must be [n, C], got shape {logits.shape}")
    if not np.isfinite(logits).all():
        raise ValueError("logits are not finite")
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits must lie between 1 and n = {len(logits)}, got {splits}")
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    # As the authors cut them, where splits do not divide n too.
    edges = [i * len(log_p) // splits for i in range(splits + 1)]
    scores = [_score(log_p[a:b]) for a, b in pairwise(edges)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(log_p: np.ndarray) -> float:
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    # A class that underflows to 0 in every row adds 0 log 0 = 0.
    log_marginal = np.log(np.where(marginal > 0.0, marginal, 1.0))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))
