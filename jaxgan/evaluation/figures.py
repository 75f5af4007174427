"""What is measured: from generated and real samples to named figures.

Each function takes the samples to be judged and the real ones. Given other real samples in the
place of the generated ones, it gives the floor: what a perfect generator would get.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.evaluation.metrics import diversity, frechet, kernel, manifold, modes, neighbours, score
from jaxgan.evaluation.metrics.sliced_wasserstein import sliced_wasserstein

PROJECTIONS = 256
NEIGHBOURS = 5
PAIRS = 100_000
# Of whatever a figure or the choice of real samples draws. Not the run's seed: figures of two
# training seeds are to differ by the training alone.
SEED = 0
Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Sample:
    """Samples, real or generated, and what an extractor says of them.

    Attributes:
      values: images uint8 [n, H, W, C], or points float32 [n, 2].
      labels: int32 [n]: true ones (-1: not known), or those that were asked for; or None.
      features: float32 [n, D], or None without an extractor.
      logits: float32 [n, K], or None.
    """

    values: np.ndarray
    labels: np.ndarray | None = None
    features: Any = None
    logits: Any = None


@dataclasses.dataclass(frozen=True)
class Real:
    """The real samples of an evaluation.

    Attributes:
      reference: that generated samples are compared with.
      other: as many as are generated, or all there are; for the floor.
      held_out: never trained on, for memorization; or None where that is not measured.
      training: all that were trained on; likewise.
      seen: samples [m, ...] in [-1, 1] that were trained on.
      unseen: samples [m, ...] that were not; or None where there are none.
      unseen_rows: the indices of all of those in the test split, in the order of ``unseen``.
      mixture: the means [K, 2] and the standard deviation of the modes, if the data are points
        around some.
      class_weights: how often each class stands in the split that the reference is of, [K]; or
        None without labels.
    """

    reference: Sample
    other: Sample
    held_out: Sample | None
    training: Sample | None
    seen: np.ndarray
    unseen: np.ndarray | None
    unseen_rows: np.ndarray
    mixture: tuple[np.ndarray, float] | None
    class_weights: np.ndarray | None = None


def frechet_figures(candidate: Sample, real: Real) -> Figures:
    """The Fréchet distance of Gaussians fitted to the features."""
    ours, theirs = (frechet.moments(s.features) for s in (candidate, real.reference))
    return {"frechet": frechet.frechet_distance(ours, theirs)}


def kid_figures(candidate: Sample, real: Real) -> Figures:
    """The kernel distance, and the standard error of its blocks."""
    value, error = kernel.kid(candidate.features, real.reference.features, seed=SEED)
    return {"kid": value, "kid_error": error}


def manifold_figures(candidate: Sample, real: Real) -> Figures:
    """Improved precision and recall, density and coverage."""
    nearest = min(NEIGHBOURS, len(candidate.values) - 1, len(real.reference.values) - 1)
    found = manifold.prdc(real.reference.features, candidate.features, k=nearest)
    return {name: float(value) for name, value in dataclasses.asdict(found).items()}


def score_figures(candidate: Sample, real: Real) -> Figures:
    """The Inception-style score of the logits; that of real samples is a ceiling."""
    value, error = score.classifier_score(candidate.logits, splits=min(10, len(candidate.values)))
    return {"score": value, "score_error": error}


def sliced_figures(candidate: Sample, real: Real) -> Figures:
    """The sliced Wasserstein distance of raw values in [-1, 1]."""
    n = min(len(candidate.values), len(real.reference.values))
    x, y = (data.to_float({"image": s.values[:n]})["image"] for s in (candidate, real.reference))
    distance = jax.jit(sliced_wasserstein, static_argnames="projections")
    key = jax.random.key(SEED)
    return {"sliced_wasserstein": float(distance(x, y, key, projections=PROJECTIONS))}


def diversity_figures(candidate: Sample, real: Real) -> Figures:
    """The mean distance of two samples' features."""
    features = candidate.features
    return {"diversity": diversity.mean_pairwise_distance(features, pairs=PAIRS, seed=SEED)}


def intra_class_figures(candidate: Sample, real: Real) -> Figures:
    """The mean distance of two samples' features within a class."""
    if candidate.labels is None:
        return {}
    features, labels = keep_labelled(candidate.features, candidate.labels)
    distance = diversity.intra_class_distance(features, labels, pairs=PAIRS, seed=SEED)
    return {"intra_class_diversity": distance}


def memorization_figures(candidate: Sample, real: Real) -> Figures:
    """How near to training samples, against how near unseen ones are; see ``neighbours``."""
    if real.held_out is None or real.training is None:
        return {}
    found = neighbours.memorization(
        candidate.features, real.held_out.features, real.training.features
    )
    return {"nearest_training": found.ratio, "copies": found.close_share}


def accuracy_figures(candidate: Sample, real: Real) -> Figures:
    """The share of samples that the extractor takes for the class asked for."""
    assert candidate.labels is not None
    return {"conditional_accuracy": own_class(candidate.logits, candidate.labels)}


def own_class(logits: Any, labels: np.ndarray) -> float:
    """The share of the labelled ones that the logits [n, K] put in their own class.

    Raises:
      ValueError: as ``keep_labelled`` does.
    """
    logits, labels = keep_labelled(logits, labels)
    return float((logits.argmax(axis=1) == labels).mean())


def mode_figures(candidate: Sample, real: Real) -> Figures:
    """Modes found, the share of samples near one, and how unequally they are met.

    The modes of points are the means of their mixture; those of images are the extractor's classes,
    which are to be met as often as the data have them.
    """
    if real.mixture is None:
        classes = candidate.logits.argmax(axis=1)
        found = modes.class_coverage(classes, candidate.logits.shape[1], real.class_weights)
        return {"modes": found.modes, "reverse_kl": found.reverse_kl}
    points = modes.mixture_coverage(candidate.values, *real.mixture)
    return {
        "modes": points.modes,
        "high_quality": points.high_quality,
        "reverse_kl": points.reverse_kl,
    }


def keep_labelled(values: Any, labels: np.ndarray) -> tuple[Any, np.ndarray]:
    """The rows whose label is known, and their labels.

    Raises:
      ValueError: if there are none.
    """
    known = labels >= 0
    if not known.any():
        raise ValueError("no sample has a label")
    return values[known], labels[known]


def perfect(real: Real, n: int) -> Figures:
    """What n samples of a perfect sampler get in expectation, where it is known."""
    if real.mixture is None:
        return {"nearest_training": 1.0, "copies": 0.01}
    count = len(real.mixture[0])
    return {
        "modes": float(count),
        "high_quality": modes.high_quality_ceiling(),
        "reverse_kl": modes.reverse_kl_floor(count, n)[0],
    }


Measure = Callable[[Sample, Real], Figures]
METRICS: dict[str, tuple[Measure, ...]] = {
    "frechet": (frechet_figures,),
    "kid": (kid_figures,),
    "precision_recall": (manifold_figures,),
    "diversity": (diversity_figures, intra_class_figures),
    "memorization": (memorization_figures,),
    "score": (score_figures,),
    "conditional_accuracy": (accuracy_figures,),
    "modes": (mode_figures,),
    "sliced_wasserstein": (sliced_figures,),
}

# Raised whenever a figure would come out otherwise for the same samples.
VERSIONS = {
    "frechet": "1",
    "kid": "1: cubic kernel, blocks of 1000",
    "precision_recall": f"1: {NEIGHBOURS} neighbours",
    "diversity": f"1: {PAIRS} pairs",
    "memorization": "1",
    "score": "1: 10 splits",
    "conditional_accuracy": "1",
    "modes": "2: within 3 standard deviations; classes as often as in the data",
    "sliced_wasserstein": f"2: {PROJECTIONS} projections",
}
# The figures that a metric gives, for whoever must know their names before there are any.
NAMES = {
    "kid": ("kid", "kid_error"),
    "precision_recall": ("precision", "recall", "density", "coverage"),
    "diversity": ("diversity", "intra_class_diversity"),
    "memorization": ("nearest_training", "copies"),
    "score": ("score", "score_error"),
    "modes": ("modes", "high_quality", "reverse_kl"),
}
