"""Which metrics a config asks for, and what their figures are called, before anything is loaded."""

from collections.abc import Sequence

from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import errors
from jaxgan.base.method import TRANSLATED
from jaxgan.evaluation import figures, translations

LOGGED = "eval/"
WITH_FEATURES = ("frechet", "kid", "precision_recall", "diversity", "memorization")
# They need more of the Inception network or of the time than many will have.
ONLY_WHEN_NAMED = {"inception": ("score", "memorization")}


def missing(config: ConfigDict, spec: data.Spec, conditions: Sequence[str]) -> dict[str, str]:
    """For each metric that does not apply to this run, what it needs."""
    extractor = config.evaluation.extractor
    lacking: dict[str, str] = {}
    if TRANSLATED in conditions:
        return dict.fromkeys(figures.METRICS, "samples that are not made of other images")
    if extractor == "none":
        names = (*WITH_FEATURES, "score", "conditional_accuracy")
        lacking |= dict.fromkeys(names, "config.evaluation.extractor, which is 'none'")
    if extractor == "inception":
        lacking["conditional_accuracy"] = "the classes of the dataset: evaluation.extractor=domain"
    if "labels" not in conditions:
        lacking["conditional_accuracy"] = "a method that samples by label"
    on_mixture = config.data.name in data.mixtures.NAMES and spec.num_classes
    if not on_mixture and extractor != "domain":
        lacking["modes"] = "a mixture of modes, or evaluation.extractor=domain"
    return lacking


def check(config: ConfigDict, spec: data.Spec) -> None:
    """Refuses an extractor that cannot look at the data, and settings that would have no effect.

    Raises:
      UserError: with the reason.
    """
    settings = config.evaluation
    if settings.extractor != "none" and len(spec.shape) != 3:
        raise errors.UserError(
            f"config.evaluation.extractor={settings.extractor!r} looks at images, and "
            f"{config.data.name} has points; set it to 'none'"
        )
    if settings.extractor == "domain" and not spec.num_classes:
        raise errors.UserError(
            f"config.evaluation.extractor='domain' is a classifier, and {config.data.name} has no "
            f"labels to train it on; set it to 'none' or 'inception'"
        )
    if settings.extractor == "inception" and not settings.weights:
        raise errors.UserError(
            "config.evaluation.extractor='inception' needs config.evaluation.weights, the file of "
            "its weights"
        )
    if settings.extractor != "inception" and settings.weights:
        raise errors.UserError(
            "config.evaluation.weights is for evaluation.extractor='inception', not "
            f"{settings.extractor!r}"
        )


def choose_metrics(
    config: ConfigDict, spec: data.Spec, conditions: Sequence[str]
) -> tuple[str, ...]:
    """The metrics that the config names, or all that apply.

    Args:
      config: completed.
      spec: of the training data.
      conditions: that samples of what is evaluated take.

    Raises:
      UserError: as ``check`` does, or for a metric that is unknown or does not apply.
    """
    check(config, spec)
    if TRANSLATED in conditions and config.evaluation.extractor == "domain":
        raise errors.UserError(
            "config.evaluation.extractor='domain' knows the images that are translated, not what "
            "is made of them; set it to 'none' or 'inception'"
        )
    lacking, settings = missing(config, spec, conditions), config.evaluation
    for name in settings.metrics:
        if name not in figures.METRICS:
            raise errors.unknown("metric in config.evaluation.metrics", name, figures.METRICS)
        if name in lacking:
            raise errors.UserError(f"metric {name!r} needs {lacking[name]}")
    quiet = ONLY_WHEN_NAMED.get(settings.extractor, ())
    every = (name for name in figures.METRICS if name not in lacking and name not in quiet)
    return tuple(settings.metrics) or tuple(every)


def public_name(name: str, config: ConfigDict) -> str:
    """The name of a figure: a Fréchet distance is a FID only on the Inception network."""
    return "fid" if name == "frechet" and config.evaluation.extractor == "inception" else name


def logged(config: ConfigDict, spec: data.Spec, conditions: Sequence[str]) -> list[str]:
    """The names under which an evaluation's figures are logged."""
    chosen = choose_metrics(config, spec, conditions)
    if TRANSLATED in conditions:
        of_features = config.evaluation.extractor != "none"
        found = translations.names(config.data.low_resolution, of_features)
        return [LOGGED + name for name in found]
    names = [name for metric in chosen for name in figures.NAMES.get(metric, (metric,))]
    return [LOGGED + public_name(name, config) for name in [*names, "overfitting"]]
