"""Layers of an extractor that a method compares images in, and whose variables its state keeps."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import data
from jaxgan.base.state import Batch
from jaxgan.extractors import maps

PyTree = Any
# The variables, among the entries of the batch that ``init`` gets and in the state's extras.
KEPT = "features"


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """In which features an image is to be near the target: eq. 5 of SRGAN on any extractor.

    A trained state holds what it needs of the extractor: it is sampled from without the file.

    Attributes:
      extractor: ``'domain'`` (a classifier of the targets, by their labels), ``'inception'`` or
        ``'none'``.
      layers: whose maps are compared, see ``extractors.maps``.
      weight: of the squared distance, a mean over each layer's values and a sum over layers.
      weights: Inception's file.
      weights_digest: its SHA-256, if it must be that one.
    """

    extractor: str = "none"
    layers: tuple[str, ...] = ()
    weight: float = 1.0
    weights: str = ""
    weights_digest: str = ""

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.extractor == "none":
            if self.layers or self.weights:
                raise ValueError("features.layers and features.weights need features.extractor")
        elif self.weight <= 0 or not self.layers:
            raise ValueError("features need layers, and a weight above 0")
        if (self.extractor == "inception") != bool(self.weights):
            raise ValueError("features.weights is the file of features.extractor='inception'")

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.extractor != "none"

    def prepare(self, source: data.Source) -> Batch:
        """The variables, as ``Method.prepare`` gives them to ``init``; see ``maps.load``."""
        given = {"weights": self.weights, "digest": self.weights_digest}
        return {KEPT: maps.load(self.extractor, self.layers, source, **given)}

    def extras(self, batch: Batch, shape: tuple[int, ...]) -> dict[str, PyTree]:
        """For the state: those in the batch, or else zeros of their shapes, of images of ``shape``.

        Raises:
          ValueError: as ``maps.apply`` does.
        """
        if not self:
            return {}
        shapes = maps.shapes(self.extractor, self.layers, shape)
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        return {KEPT: batch.get(KEPT, zeros)}

    def look(self, extras: Mapping[str, PyTree]) -> Callable[[jax.Array], dict[str, jax.Array]]:
        """From images [B, H, W, C] in [-1, 1] to their maps by layer."""
        return partial(maps.apply, self.extractor, self.layers, extras[KEPT])
