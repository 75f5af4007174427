"""An evaluation made ready: what it measures, by which features, against which real samples."""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import data, errors
from jaxgan.evaluation import choice, domain, figures, frechet, inception, likelihood, real
from jaxgan.evaluation.extractor import Extractor, Features, extract
from jaxgan.evaluation.figures import Figures, Sample
from jaxgan.evaluation.protocol import Result

MEMORIZED = figures.NAMES["memorization"]
IMPORTANCE_SAMPLES = 50
SEEN = ("training", "held_out")
PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "numpy", "scipy")


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained model, as it is judged.

    Attributes:
      draw: ``draw(key, n, **conditions)``: samples [n, ...] in [-1, 1].
      weights: ``'averaged'`` or ``'raw'``.
      statistics: of its batch norm: ``'as trained'``, or over how many samples they were renewed.
      conditional: whether ``draw`` takes ``labels`` [n].
      log_weight: ``log_weight(images, keys)``: ``log p(x, z) - log q(z | x)`` [n] of one draw of z
        for each image [n, ...] in [-1, 1], of a model with an encoder, or ``None``.
      scores: the discriminator's logits [n] of samples [n, ...] in [-1, 1], or ``None``.
      classify: class logits [n, K] of samples by name of classifier, or ``None``.
    """

    draw: Callable[..., np.ndarray]
    weights: str
    statistics: str
    conditional: bool = False
    scores: Callable[[np.ndarray], Any] | None = None
    log_weight: likelihood.LogWeight | None = None
    classify: Callable[[np.ndarray], dict[str, Any]] | None = None


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """What a run is measured by; made by ``open_evaluator``.

    Attributes:
      config: of the run.
      part: of the real samples: ``'select'`` or ``'report'``.
      metrics: names in ``figures.METRICS``.
      extractor: or ``None``.
      look: its features of images, or ``None``.
    """

    config: ConfigDict
    part: str
    metrics: tuple[str, ...]
    extractor: Extractor | None
    look: real.Look | None

    @cached_property
    def real(self) -> figures.Real:
        """The real samples, with features from the cache where they are known."""
        look = real.remembered(self.extractor, self.look) if self.extractor and self.look else None
        return real.read(self.config, self.part, look, memorization="memorization" in self.metrics)

    @cached_property
    def floors(self) -> Figures:
        """What other real samples get in the place of generated ones.

        They were trained on, so memorization has no such floor.
        """
        found = self.figures(self.real.other)
        return {name: value for name, value in found.items() if name not in MEMORIZED}

    def figures(self, candidate: Sample) -> Figures:
        """Every figure of some samples."""
        found: Figures = {}
        for metric in self.metrics:
            found |= figures.METRICS[metric](candidate, self.real)
        return {choice.published(name, self.config): value for name, value in found.items()}

    def measure(self, subject: Subject, key: jax.Array, step: int) -> Result:
        """Draws samples and measures them.

        Args:
          subject: what is judged.
          key: for the samples.
          step: of its checkpoint.

        Returns:
          ``step``, ``figures`` (each with its ``value``, ``floor`` and, where it is known, what a
          ``perfect`` sampler gets in expectation), ``warnings``, ``protocol``, its ``digest``, and
          ``made_by``: what else led to it.

        Raises:
          UserError: if samples are not finite, not in range, or too few for a metric.
        """
        n = self.config.evaluation.n
        labels, conditions = None, {}
        if subject.conditional:
            labels = np.arange(n, dtype=np.int32) % self.config.method.num_classes
            conditions = {"labels": labels}
        values = subject.draw(key, n, **conditions)
        try:
            found = self.figures(real.seen(values, labels, self.look))
        except ValueError as error:
            raise errors.UserError(f"the samples cannot be measured: {error}") from error
        if subject.scores is not None:
            found |= overfitting(subject.scores, self.real, values)
        if subject.log_weight is not None:
            found |= likelihoods(subject.log_weight, self.real.unseen, key)
        if subject.classify is not None:
            unseen = data.open_source(self.config.data, self.config.data.test_split)
            size = self.config.evaluation.batch_size
            found |= classification_errors(subject.classify, unseen, size)
        lost = [name for name, value in found.items() if not math.isfinite(value)]
        perfect = figures.perfect(self.real, n)
        entries = {
            name: {"value": value, "floor": self.floors.get(name), "perfect": perfect.get(name)}
            for name, value in found.items()
            if name not in lost
        }
        protocol = self.protocol(subject, n)
        return {
            "step": step,
            "figures": entries,
            "warnings": [*self.warnings(n), *(f"{name} is not finite" for name in lost)],
            "protocol": protocol,
            "digest": digest(protocol)[:8],
            "made_by": {
                "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
                "config": digest(json.loads(self.config.to_json_best_effort())),
                "seed": self.config.seed,
                "backend": jax.default_backend(),
            },
        }

    def protocol(self, subject: Subject, n: int) -> dict[str, Any]:
        """What must be equal for two results to be compared."""
        of = self.extractor
        return {
            "metrics": {name: figures.VERSIONS[name] for name in self.metrics},
            "extractor": f"{of.name} {of.digest[:12]}" if of else "none",
            "resize": of.resize if of else "none",
            "data": self.config.data.name,
            "part": self.part,
            "split": real.split_of(self.config, self.part),
            "real": real.digest(self.real.reference.values)[:12],
            "n_real": len(self.real.reference.values),
            "n_floor": len(self.real.other.values),
            "n_generated": n,
            "values": "8 bits" if self.real.reference.values.ndim == 4 else "float32",
            "weights": subject.weights,
            "statistics": subject.statistics,
            "truncation": "none",
        }

    def warnings(self, n: int) -> list[str]:
        """What makes a figure of this evaluation weak."""
        if self.extractor is None or "frechet" not in self.metrics:
            return []
        least = min(n, len(self.real.reference.values), len(self.real.other.values))
        warning = frechet.rank_warning(least, self.extractor.dim)
        return [warning] if warning else []


def overfitting(
    scores: Callable[[np.ndarray], Any], real_samples: figures.Real, generated: np.ndarray
) -> Figures:
    """The discriminator's mean logits of training, unseen and generated samples.

    Their ratio is r_v of Karras et al. 2020, "Training Generative Adversarial Networks with Limited
    Data" (arXiv:2006.06676), equation 1: 0 where unseen samples get what training samples get, 1
    where they get what generated ones do. Where training and unseen samples differ by no more than
    three standard errors it is 0: with a good generator it would be noise over next to nothing.
    """
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


def classification_errors(
    classify: Callable[[np.ndarray], dict[str, Any]], source: data.Source, batch_size: int
) -> Figures:
    """The share of all samples of a split that each classifier takes for another class."""
    wrong: dict[str, int] = {}
    for start in range(0, source.size, batch_size):
        rows = np.arange(start, start + batch_size)
        # A whole batch also at the end: one compilation.
        batch = data.to_float(source.read(rows.clip(max=source.size - 1)))
        for name, logits in classify(batch["image"]).items():
            missed = np.asarray(logits).argmax(axis=-1) != batch["label"]
            wrong[name] = wrong.get(name, 0) + int(missed[rows < source.size].sum())
    return {f"error_{name}": count / source.size for name, count in wrong.items()}


def digest(value: Any) -> str:
    """The SHA-256 of a value as JSON, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def open_evaluator(
    config: ConfigDict,
    part: str,
    *,
    mesh: Mesh | None = None,
    say: Callable[[str], None] = print,
) -> Evaluator:
    """Finds the metrics and the extractor that the config names; trains a domain extractor.

    Args:
      config: completed.
      part: ``'select'`` or ``'report'``.
      mesh: the devices that features are computed on; ``None`` for one.
      say: shows a line: what takes long, and how far it is.

    Raises:
      UserError: for a weights file that cannot be used, or a metric that does not apply.
    """
    settings = config.evaluation
    metrics = choice.chosen(config)
    extractor: Extractor | None = None
    if settings.extractor == "domain":
        extractor = domain.load(config.data, say=say).extractor
    elif settings.extractor == "inception":
        try:
            extractor = inception.load(
                settings.weights, resize=settings.resize, digest=settings.weights_digest
            )
        except (OSError, ValueError) as error:
            raise errors.UserError(f"config.evaluation.weights: {errors.told(error)}") from error
        if "score" in metrics and not extractor.num_classes:
            raise errors.UserError(
                f"{settings.weights} has no classifier layer: no score can be computed; take "
                f"'score' out of config.evaluation.metrics"
            )
    if extractor is None:
        return Evaluator(config, part, metrics, None, None)

    def look(images: np.ndarray) -> Features:
        quiet = jax.process_index() > 0 or None  # None: only on a terminal
        with tqdm(total=len(images), desc=extractor.name, disable=quiet, leave=False) as bar:
            return extract(
                extractor,
                images,
                batch_size=settings.batch_size,
                mesh=mesh,
                progress=lambda done, _: bar.update(done - bar.n),
            )

    return Evaluator(config, part, metrics, extractor, look)
