"""An evaluation made ready: what it measures, by which features, against which real samples."""

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import errors
from jaxgan.evaluation import choice, figures, network_figures, provenance, real, translations
from jaxgan.evaluation.figures import Figures, Sample
from jaxgan.evaluation.metrics import frechet
from jaxgan.evaluation.protocol import Result
from jaxgan.evaluation.subject import Subject
from jaxgan.extractors.extractor import TOLERANCE, Extractor, Features

MEMORIZED = figures.NAMES["memorization"]


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """What a run is measured by; made by ``open_evaluator``.

    Attributes:
      config: of the run.
      splits: of its dataset.
      part: of the real samples: ``'select'`` or ``'report'``.
      metrics: names in ``figures.METRICS``.
      extractor: or ``None``.
      look: its features of images, or ``None``.
    """

    config: ConfigDict
    splits: data.Splits
    part: str
    metrics: tuple[str, ...]
    extractor: Extractor | None
    look: real.Look | None

    @cached_property
    def real(self) -> figures.Real:
        """The real samples, with features from the cache where they are known."""
        look = None
        if self.metrics and self.extractor and self.look:
            look = real.remember(self.extractor, self.look)
        memorization = "memorization" in self.metrics
        return real.read(self.config, self.splits, self.part, look, memorization=memorization)

    @cached_property
    def unseen(self) -> figures.Sample:
        """At most ``evaluation.n`` samples that were not trained on, looked at by a classifier.

        That is a domain extractor, which knows the classes of the data.
        """
        return real.sample(*self._unseen, self.classifier)

    @cached_property
    def unseen_images(self) -> np.ndarray:
        """The same in [-1, 1], as they are stored."""
        return real.floats(*self._unseen)

    @property
    def _unseen(self) -> tuple[data.Source, np.ndarray]:
        """Their split, and their indices in it."""
        rows = self.real.unseen_rows[: self.config.evaluation.n]
        return self.splits.source(self.config.data.test_split), rows

    @property
    def classifier(self) -> Callable[[np.ndarray], Features] | None:
        """What tells the classes of the data, or ``None``."""
        return self.look if self.config.evaluation.extractor == "domain" else None

    @cached_property
    def pairs(self) -> translations.Pairs:
        """What translations are measured on.

        Raises:
          ValueError: if the data have no pairs.
        """
        source = self.splits.source(real.split_of(self.config, self.part))
        rows = real.shuffle(source)[: self.config.evaluation.n]
        factor = self.config.data.low_resolution
        return translations.read(source, rows, self.splits.source(), factor)

    @cached_property
    def notes(self) -> list[str]:
        """What is wrong with the splits, known before anything is measured."""
        return real.overlaps(self.splits, self.config)

    @cached_property
    def floors(self) -> Figures:
        """What other real samples get in the place of generated ones.

        They were trained on, so memorization has no such floor.
        """
        found, _ = self.figures(self.real.other)
        return {name: value for name, value in found.items() if name not in MEMORIZED}

    def figures(self, candidate: Sample) -> tuple[Figures, list[str]]:
        """Every figure of some samples that can be had, and what to say of the others."""
        each = [
            attempt(metric, measure, candidate, self.real)
            for metric in self.metrics
            for measure in figures.METRICS[metric]
        ]
        found = {name: value for part, _ in each for name, value in part.items()}
        published = {choice.public_name(name, self.config): value for name, value in found.items()}
        return published, [text for _, told in each for text in told]

    def labels(self, n: int) -> tuple[np.ndarray, str]:
        """Labels int32 [n] to generate, and how they were chosen.

        Drawn in the proportions of the split that the reference is of: else the generated set would
        differ from it by its labels alone. Drawn, and not those of the reference, which are not
        another sample of the data: a perfect generator would come out better than the floor.
        """
        weights = self.real.class_weights
        if self.config.evaluation.labels == "uniform" or weights is None:
            return np.arange(n, dtype=np.int32) % self.splits.spec().num_classes, "uniform"
        # Raw words, which NumPy keeps the same from version to version.
        words = np.random.Philox(key=figures.SEED).random_raw(n) / 2.0**64
        edges = np.cumsum(weights[:-1]) / weights.sum()
        return np.searchsorted(edges, words, side="right").astype(np.int32), "as in the split"

    def measure(self, subject: Subject, key: jax.Array, step: int) -> Result:
        """Draws samples and measures them.

        Args:
          subject: what is judged.
          key: for the samples.
          step: of its checkpoint.

        Returns:
          ``step``, ``figures`` (each with its ``value``, ``floor`` and, where it is known, what a
          ``perfect`` sampler gets in expectation), ``warnings`` (of figures that cannot be had,
          too), ``protocol``, its ``digest``, and ``made_by``: what else led to it.

        Raises:
          UserError: if nothing can be measured: samples are not finite, or of another shape.
        """
        n = self.config.evaluation.n
        if subject.translates:
            return self.measure_translations(subject, key, step)
        labels, how = self.labels(n) if subject.conditional else (None, "none")
        values = subject.draw(key, n, **({} if labels is None else {"labels": labels}))
        values, warnings = in_range(values)
        try:
            candidate = real.look_at(values, labels, self.look)
        except ValueError as error:
            raise errors.UserError(f"the samples cannot be measured: {error}") from error
        found, told = self.figures(candidate)
        more, also = self.of_networks(subject, values, key)
        perfect, floors = figures.perfect(self.real, n), self.floors
        if "reconstruction_accuracy" in more:
            floors = floors | network_figures.own_class(self.unseen)
        entries = {
            name: {"value": value, "floor": floors.get(name), "perfect": perfect.get(name)}
            for name, value in (found | more).items()
        }
        warnings = [*self.warnings(n), *warnings, *told, *also]
        return self.result(step, entries, warnings, self.protocol(subject, n, how))

    def measure_translations(self, subject: Subject, key: jax.Array, step: int) -> Result:
        """Measures translations against the true targets; see ``measure``."""
        try:
            images = self.pairs.images
            made = subject.draw(key, len(images), image=images)
            known = (
                real.remember(self.extractor, self.look) if self.extractor and self.look else None
            )
            found = translations.figures(made, self.pairs, self.look, known)
        except ValueError as error:
            raise errors.UserError(f"translations cannot be measured: {error}") from error
        entries = {
            name: {"value": value, "floor": None, "perfect": None} for name, value in found.items()
        }
        protocol = self.protocol(subject, len(images), "none")
        protocol["metrics"] = {"translation": translations.VERSION}
        if self.pairs.factor:
            protocol["metrics"]["fidelity"] = translations.FIDELITY_VERSION
        return self.result(step, entries, self.notes, protocol)

    def result(
        self, step: int, entries: dict[str, Any], warnings: list[str], protocol: dict[str, Any]
    ) -> Result:
        """What was found of one checkpoint, without figures that are not finite."""
        lost = [name for name, entry in entries.items() if not math.isfinite(entry["value"])]
        warnings = [*warnings, *(f"{name} is not finite" for name in lost)]
        entries = {name: entry for name, entry in entries.items() if name not in lost}
        return {
            "step": step,
            "figures": entries,
            "warnings": warnings,
            "protocol": protocol,
            "digest": provenance.digest(protocol)[:8],
            "made_by": provenance.made_by(self.config),
        }

    def of_networks(
        self, subject: Subject, values: np.ndarray, key: jax.Array
    ) -> tuple[Figures, list[str]]:
        """The figures of what a method has beside its generator, and what to say of the others."""
        found: Figures = {}
        told: list[str] = []

        def take(name: str, measure: Callable[..., Figures], *args: Any) -> None:
            more, also = attempt(name, measure, *args)
            found.update(more)
            told.extend(also)

        if self.real.unseen is None:
            return found, told
        if subject.scores is not None:
            take("overfitting", network_figures.overfitting, subject.scores, self.real, values)
        if subject.log_weight is not None:
            take("elbo", network_figures.likelihoods, subject.log_weight, self.unseen_images, key)
        if subject.anomaly is not None and self.config.data.without:
            odd = real.left_out(self.splits, self.config)
            normal = self.unseen_images
            take("anomaly_auc", network_figures.anomaly_auc, subject.anomaly, normal, odd)
        if subject.classify is not None:
            unseen = self.splits.source(self.config.data.test_split)
            rows = np.sort(self.real.unseen_rows)
            size = self.config.evaluation.batch_size
            take(
                "error", network_figures.classification_errors, subject.classify, unseen, rows, size
            )
        if subject.reconstruct is not None:
            remade = network_figures.reconstructions
            take("reconstruction", remade, subject.reconstruct, self.unseen, self.classifier)
        return found, told

    def protocol(self, subject: Subject, n: int, labels: str) -> dict[str, Any]:
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
            "labels": labels,
            "values": "8 bits" if self.real.reference.values.ndim == 4 else "float32",
            "weights": subject.weights,
            "statistics": subject.statistics,
            "truncation": subject.truncation,
            **({} if subject.guidance == "none" else {"guidance": subject.guidance}),
        }

    def warnings(self, n: int) -> list[str]:
        """What makes a figure of this evaluation weak."""
        if self.extractor is None or "frechet" not in self.metrics:
            return self.notes
        least = min(n, len(self.real.reference.values), len(self.real.other.values))
        warning = frechet.rank_warning(least, self.extractor.dim)
        return [*self.notes, warning] if warning else self.notes


def attempt(
    what: str, measure: Callable[..., Figures], *arguments: Any
) -> tuple[Figures, list[str]]:
    """The figures of ``measure``, or none and a line that says why."""
    try:
        return measure(*arguments), []
    except ValueError as error:
        return {}, [f"{what} is left out: {error}"]


def in_range(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Images cut off at -1 and 1, as they are in a file, and a line if that changes them."""
    if values.ndim != 4 or not np.isfinite(values).all():
        return values, []
    low, high = float(values.min()), float(values.max())
    if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:
        return values, []
    return np.clip(values, -1, 1), [
        f"samples reach from {low:.4g} to {high:.4g}; they are measured cut off at -1 and 1"
    ]
