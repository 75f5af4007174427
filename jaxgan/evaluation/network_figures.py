"""What is measured of a method's other networks: a discriminator, an encoder, a classifier."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.evaluation import figures, real
from jaxgan.evaluation.figures import Figures, Real, Sample
from jaxgan.evaluation.metrics import likelihood

IMPORTANCE_SAMPLES = 50
SEEN = ("training", "held_out")


def overfitting(
    scores: Callable[[np.ndarray], Any], real_samples: Real, generated: np.ndarray
) -> Figures:
    """The discriminator's mean logits of training, unseen and generated samples.

    Their ratio is r_v of Karras et al. 2020, "Training Generative Adversarial Networks with Limited
    Data" (arXiv:2006.06676), equation 1: 0 where unseen samples get what training samples get, 1
    where they get what generated ones do. Where training and unseen samples differ by no more than
    three standard errors it is 0: with a good generator it would be noise over next to nothing.
    """
    assert real_samples.unseen is not None
    groups = {
        "training": real_samples.seen,
        "held_out": real_samples.unseen,
        "generated": generated[: len(real_samples.seen)],
    }
    logits = {name: np.asarray(scores(x), np.float64) for name, x in groups.items()}
    means = {name: float(x.mean()) for name, x in logits.items()}
    gap, whole = (means["training"] - means[name] for name in ("held_out", "generated"))
    error = math.hypot(*(logits[name].std() / math.sqrt(len(logits[name])) for name in SEEN))
    ratio = gap / whole if whole and abs(gap) > 3 * error else 0.0
    return {"overfitting": ratio, **{f"d_{name}": value for name, value in means.items()}}


def likelihoods(log_weight: likelihood.LogWeight, images: np.ndarray, key: jax.Array) -> Figures:
    """Bounds of the log-likelihood of unseen images, in nats an image; see ``likelihood``."""
    found = likelihood.estimate(log_weight, images, key, samples=IMPORTANCE_SAMPLES)
    return {"elbo": found.elbo, "importance_weighted_bound": found.bound}


def anomaly_auc(
    anomaly: Callable[[np.ndarray], np.ndarray], normal: np.ndarray, odd: np.ndarray
) -> Figures:
    """The area under the ROC curve of anomaly scores: images of classes left out against others.

    The share of pairs, one of each kind, in which the image of a class left out has the higher
    score; a tie is half of one. Chance is 0.5.

    Args:
      anomaly: images [n, ...] in [-1, 1] to scores [n].
      normal: images of the classes that were trained on, themselves unseen.
      odd: images of those left out.

    Raises:
      ValueError: if there are none of one kind, or a score is not finite.
    """
    if not len(odd):
        raise ValueError("the test split has no image of the classes left out")
    from sklearn import metrics  # a second to import

    truth = np.repeat([0, 1], [len(normal), len(odd)])
    scores = np.concatenate([anomaly(normal), anomaly(odd)])
    return {"anomaly_auc": float(metrics.roc_auc_score(truth, scores))}


def classification_errors(
    classify: Callable[[np.ndarray], dict[str, Any]],
    source: data.Source,
    rows: np.ndarray,
    batch_size: int,
) -> Figures:
    """The share of the labelled ones of some samples that each classifier takes for another class.

    Args:
      classify: class logits by name of classifier.
      source: a split with labels.
      rows: indices of its samples; those whose label is none of its classes are left out.
      batch_size: samples at a time.

    Raises:
      ValueError: if none of them has a label.
    """
    wrong: dict[str, int] = {}
    labelled = 0
    for start in range(0, len(rows), batch_size):
        # A whole batch also at the end: one compilation.
        places = np.arange(start, start + batch_size)
        batch = data.to_float(source.read(rows[places.clip(max=len(rows) - 1)]))
        labels = batch["label"]
        counted = (places < len(rows)) & (labels >= 0) & (labels < source.num_classes)
        labelled += int(counted.sum())
        for name, logits in classify(batch["image"]).items():
            missed = np.asarray(logits).argmax(axis=-1) != labels
            wrong[name] = wrong.get(name, 0) + int(missed[counted].sum())
    if not labelled:
        raise ValueError(f"no sample has a label in {source.name}'s split {source.split!r}")
    return {f"error_{name}": count / labelled for name, count in wrong.items()}


def reconstructions(
    reconstruct: Callable[[np.ndarray], Any], unseen: Sample, look: real.Look | None
) -> Figures:
    """How near unseen samples come back from their latents, and whether in their own class.

    Args:
      reconstruct: ``G(E(x))`` of samples [n, ...] in [-1, 1].
      unseen: real ones, with logits of the classifier, if there is one.
      look: that classifier's.

    Returns:
      The mean distance ``|x - G(E(x))|`` in [-1, 1], and ``own_class`` of what comes back.

    Raises:
      ValueError: if what comes back is not finite.
    """
    samples = np.asarray(data.to_float({"image": unseen.values})["image"])
    again = np.asarray(reconstruct(samples), np.float32)
    if not np.isfinite(again).all():
        raise ValueError("some of what is made of the latents is not finite")
    again = np.clip(again, -1, 1) if again.ndim == 4 else again
    distance = np.abs(again - samples).mean(dtype=np.float64)
    classes = own_class(real.look_at(again, unseen.labels, look))
    return {"reconstruction_l1": float(distance), **classes}


def own_class(samples: Sample) -> Figures:
    """The share of the labelled ones that the classifier puts in their own class, if it can."""
    if samples.logits is None or samples.labels is None or not (samples.labels >= 0).any():
        return {}
    return {"reconstruction_accuracy": figures.own_class(samples.logits, samples.labels)}
