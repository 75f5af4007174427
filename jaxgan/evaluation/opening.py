"""An evaluator of what a config names: its metrics, and its extractor found or trained."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import errors, terminal
from jaxgan.evaluation import choice
from jaxgan.evaluation.evaluator import Evaluator
from jaxgan.extractors import domain, inception
from jaxgan.extractors.extractor import Extractor, Features, extract


def open_evaluator(
    config: ConfigDict,
    part: str,
    conditions: Sequence[str],
    splits: data.Splits | None = None,
    *,
    mesh: Mesh | None = None,
    say: Callable[[str], None] = print,
) -> Evaluator:
    """Finds the metrics and the extractor that the config names; trains a domain extractor.

    Args:
      config: completed.
      part: ``'select'`` or ``'report'``.
      conditions: that samples of what is evaluated take.
      splits: of its dataset, where they are open already.
      mesh: the devices that features are computed on; ``None`` for one.
      say: shows a line: what takes long, and how far it is.

    Raises:
      UserError: for a weights file that cannot be used, or a metric that does not apply.
    """
    settings = config.evaluation
    splits = splits or data.Splits(config.data)
    metrics = choice.choose_metrics(config, splits.spec(), conditions)
    extractor: Extractor | None = None
    if settings.extractor == "domain":
        extractor = domain.load(config.data, splits=splits.complete, say=say).extractor
    elif settings.extractor == "inception":
        try:
            extractor = inception.load(
                settings.weights, resize=settings.resize, digest=settings.weights_digest
            )
        except (OSError, ValueError) as error:
            raise errors.UserError(
                f"config.evaluation.weights: {errors.describe(error)}"
            ) from error
        if "score" in metrics and not extractor.num_classes:
            raise errors.UserError(
                f"{settings.weights} has no classifier layer: no score can be computed; take "
                f"'score' out of config.evaluation.metrics"
            )
    if extractor is None:
        return Evaluator(config, splits, part, metrics, None, None)

    def look(images: np.ndarray) -> Features:
        quiet, name = jax.process_index() > 0, extractor.name
        with terminal.progress(quiet=quiet, total=len(images), desc=name, leave=False) as bar:
            return extract(
                extractor,
                images,
                batch_size=settings.batch_size,
                mesh=mesh,
                progress=lambda done, _: bar.update(done - bar.n),
            )

    return Evaluator(config, splits, part, metrics, extractor, look)
