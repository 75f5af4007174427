"""What an evaluation judges: a trained model, by what can be asked of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.evaluation.metrics import likelihood


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained model, as it is judged.

    Attributes:
      draw: ``draw(key, n, **conditions)``: samples [n, ...] in [-1, 1].
      weights: ``'averaged'`` or ``'raw'``.
      statistics: of its batch norm: ``'as trained'``, or over how many samples they were renewed.
      conditional: whether ``draw`` takes ``labels`` [n].
      truncation: of its latents.
      guidance: of its samples by their class, of GAT.
      log_weight: ``log_weight(images, keys)``: ``log p(x, z) - log q(z | x)`` [n] of one draw of z
        for each image [n, ...] in [-1, 1], of a model with an encoder, or ``None``.
      scores: the discriminator's logits [n] of samples [n, ...] in [-1, 1], or ``None``.
      anomaly: scores [n] of images [n, ...] in [-1, 1], the higher the less they are like those
        trained on, or ``None``.
      classify: class logits [n, K] of samples by name of classifier, or ``None``.
      reconstruct: samples [n, ...] in [-1, 1] made again of their latents, of a model with an
        encoder and without conditions, or ``None``.
      translates: whether ``draw`` takes ``image`` [n, H, W, C] in [-1, 1], and its samples are
        translations of these.
    """

    draw: Callable[..., np.ndarray]
    weights: str
    statistics: str
    conditional: bool = False
    truncation: str = "none"
    guidance: str = "none"
    scores: Callable[[np.ndarray], Any] | None = None
    log_weight: likelihood.LogWeight | None = None
    anomaly: Callable[[np.ndarray], np.ndarray] | None = None
    classify: Callable[[np.ndarray], dict[str, Any]] | None = None
    reconstruct: Callable[[np.ndarray], Any] | None = None
    translates: bool = False
