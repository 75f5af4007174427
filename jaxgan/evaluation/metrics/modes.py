"""Mode coverage of mixtures in the plane and of Stacked-MNIST, with a perfect sampler's figures."""

import math
from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class MixtureCoverage:
    """How samples cover the modes of a mixture.

    Attributes:
      modes: modes that are the nearest one of at least one high-quality sample.
      high_quality: the share of samples within three sigma of their nearest mean.
      reverse_kl: the KL divergence, in nats, of the samples' distribution over modes from uniform,
        with *every* sample counted at its nearest mean.
    """

    modes: int
    high_quality: float
    reverse_kl: float


@dataclass(frozen=True)
class ClassCoverage:
    """How samples cover classes.

    Attributes:
      modes: classes with at least one sample.
      reverse_kl: the KL divergence, in nats, of the samples' distribution over classes from the
        expected one; infinite if a class that is not expected at all was generated.
    """

    modes: int
    reverse_kl: float


def mixture_coverage(
    points: ArrayLike | jax.Array, means: ArrayLike | jax.Array, sigma: float
) -> MixtureCoverage:
    """Modes captured, high-quality share and reverse KL of samples of a mixture.

    Modes and high quality as in Srivastava et al. 2017, "VEEGAN", section 4.1, and Lin et al. 2018,
    "PacGAN", section 4. The reverse KL counts every sample at its nearest mean, so that it is
    defined for any sampler and its floor is that of n samples; PacGAN's released code counts the
    high-quality ones only. For samples near their modes the two agree.

    Args:
      points: [n, 2], finite; [n, D] works too, but the ceiling of high quality is for a plane.
      means: the modes' centres [K, 2], in the units of the points.
      sigma: the standard deviation of a mode along each axis.

    Raises:
      ValueError: if points or means are not [n, D] and finite, or sigma is not positive.
    """
    points, means = _check("points", points), _check("means", means)
    if points.shape[1] != means.shape[1]:
        raise ValueError(
            f"points have {points.shape[1]} coordinates, but means have {means.shape[1]}"
        )
    if not (math.isfinite(sigma) and sigma > 0.0):
        raise ValueError(f"sigma must be positive, got {sigma}")
    squared = np.stack([((points - mean) ** 2).sum(axis=1) for mean in means])
    nearest = squared.argmin(axis=0)
    good = squared.min(axis=0) <= (3.0 * sigma) ** 2
    counts = np.bincount(nearest, minlength=len(means))
    return MixtureCoverage(
        modes=len(np.unique(nearest[good])),
        high_quality=float(good.mean()),
        reverse_kl=_divergence(counts, np.full(len(means), 1.0 / len(means))),
    )


def class_coverage(
    classes: ArrayLike | jax.Array, num_classes: int, expected: ArrayLike | None = None
) -> ClassCoverage:
    """Classes captured by samples, and the KL divergence from the expected distribution.

    For Stacked-MNIST's 1,000 modes, as in Metz et al. 2017, "Unrolled GANs", section 3.3, and Lin
    et al. 2018, "PacGAN", section 4.2.

    Args:
      classes: integers [n] in 0 ... num_classes - 1, as a classifier finds them in the samples.
      num_classes: how many there are.
      expected: weights [num_classes], not negative, such as counts in real data; uniform if None.

    Raises:
      ValueError: if classes are not integers of that range, or expected are not such weights.
    """
    classes = np.asarray(classes)
    if classes.ndim != 1 or classes.size == 0 or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(f"classes must be integers [n], got {classes.dtype} {classes.shape}")
    if classes.min() < 0 or classes.max() >= num_classes:
        raise ValueError(
            f"classes must lie in 0 ... {num_classes - 1}, got {classes.min()} to {classes.max()}"
        )
    weights = np.asarray(np.ones(num_classes) if expected is None else expected, np.float64)
    fit = weights.shape == (num_classes,) and np.isfinite(weights).all()
    if not (fit and weights.min() >= 0.0 and weights.sum() > 0.0):
        raise ValueError(f"expected must be {num_classes} weights, not negative and not all 0")
    counts = np.bincount(classes, minlength=num_classes)
    return ClassCoverage(
        int(np.count_nonzero(counts)), _divergence(counts, weights / weights.sum())
    )


def stacked_classes(digits: ArrayLike | jax.Array) -> np.ndarray:
    """The Stacked-MNIST class of digits [n, 3], one a channel: int64 [n] in 0 ... 999.

    Raises:
      ValueError: if digits are not integers [n, 3] in 0 ... 9.
    """
    digits = np.asarray(digits)
    if digits.ndim != 2 or digits.shape[1] != 3 or not np.issubdtype(digits.dtype, np.integer):
        raise ValueError(f"digits must be integers [n, 3], got {digits.dtype} {digits.shape}")
    if digits.size and (digits.min() < 0 or digits.max() > 9):
        raise ValueError(f"digits must lie in 0 ... 9, got {digits.min()} to {digits.max()}")
    # Before the product, which NumPy would make a float for unsigned digits of 64 bits.
    return digits.astype(np.int64) @ np.array([100, 10, 1])


def reverse_kl_floor(num_modes: int, n: int) -> tuple[float, float]:
    """The reverse KL of a perfect sampler of n samples: its mean and its standard deviation.

    ``(K - 1) / 2n`` and ``sqrt(2 (K - 1)) / 2n``: 2n times the divergence of the counts is
    asymptotically chi-squared with K - 1 degrees of freedom (Wilks 1938). For n of a few times K
    and more; the next term of the mean is K^2 / 12n^2.

    Raises:
      ValueError: if num_modes or n is below 1.
    """
    _check_counts(num_modes, n)
    return (num_modes - 1) / (2.0 * n), math.sqrt(2.0 * (num_modes - 1)) / (2.0 * n)


def modes_ceiling(num_modes: int, n: int, share: float = 1.0) -> float:
    """The expected number of modes that a perfect sampler of n samples captures.

    ``K (1 - (1 - share / K)^n)`` for K modes of equal weight.

    Args:
      num_modes: K.
      n: the number of samples.
      share: of the samples that count: ``high_quality_ceiling()`` for a mixture, 1 for classes.

    Raises:
      ValueError: if num_modes or n is below 1, or share is outside [0, 1].
    """
    _check_counts(num_modes, n)
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must lie in [0, 1], got {share}")
    return num_modes * (1.0 - (1.0 - share / num_modes) ** n)


def high_quality_ceiling() -> float:
    """A perfect sampler's share of high quality in the plane: ``1 - exp(-4.5)``, about 0.98889.

    The mass of a round Gaussian within three sigma of its centre, the overlap of modes neglected.
    """
    return -math.expm1(-4.5)


def _check(name: str, points: ArrayLike | jax.Array) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.size == 0:
        raise ValueError(f"{name} must be [n, 2], got shape {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} are not finite")
    return points


def _check_counts(num_modes: int, n: int) -> None:
    if num_modes < 1 or n < 1:
        raise ValueError(f"num_modes and n must be at least 1, got {num_modes} and {n}")


def _divergence(counts: np.ndarray, expected: np.ndarray) -> float:
    present = counts > 0
    if (expected[present] == 0.0).any():
        return math.inf
    p = counts[present] / counts.sum()
    # A sum of rounded terms may fall below 0 by an ulp.
    return max(float((p * np.log(p / expected[present])).sum()), 0.0)
