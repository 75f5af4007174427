"""Layers of an extractor that a method compares images in, and whose variables its state keeps."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import data, losses
from jaxgan.base.state import Batch
from jaxgan.extractors import maps, resize

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
      size: the side to which images are resized before they are looked at, see
        ``resize.bilinear``; 0: none. Inception is measured with images of 299 pixels.
      weights: Inception's file.
      weights_digest: its SHA-256, if it must be that one.
    """

    extractor: str = "none"
    layers: tuple[str, ...] = ()
    weight: float = 1.0
    size: int = 0
    weights: str = ""
    weights_digest: str = ""

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.extractor == "none":
            if self.layers or self.size or self.weights:
                raise ValueError("features' layers, size and file need an extractor")
        elif self.weight <= 0 or not self.layers:
            raise ValueError("features need layers, and a weight above 0")
        if self.size < 0:
            raise ValueError("features.size must be at least 0")
        if (self.extractor == "inception") != bool(self.weights):
            raise ValueError("features.weights is the file of features.extractor='inception'")

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.extractor != "none"

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape [H, W, C] of what the extractor is shown of images of ``shape``."""
        return (self.size, self.size, shape[-1]) if self.size else shape

    def prepare(self, source: data.Source) -> Batch:
        """The variables, as ``Method.prepare`` gives them to ``init``; see ``maps.load``."""
        told = {"weights": self.weights, "digest": self.weights_digest}
        shape = self.seen(source.target or source.shape)
        return {KEPT: maps.load(self.extractor, self.layers, source, shape=shape, **told)}

    def extras(self, batch: Batch, shape: tuple[int, ...]) -> dict[str, PyTree]:
        """For the state: those in the batch, or else zeros of their shapes, of images of ``shape``.

        Raises:
          ValueError: as ``maps.apply`` does.
        """
        if not self:
            return {}
        needed = maps.shapes(self.extractor, self.layers, self.seen(shape))
        return {KEPT: prepared(batch, KEPT, needed)}

    def look(self, extras: Mapping[str, PyTree]) -> Callable[[jax.Array], dict[str, jax.Array]]:
        """From images [B, H, W, C] in [-1, 1] to their maps by layer."""

        def maps_of(images: jax.Array) -> dict[str, jax.Array]:
            if self.size:
                images = resize.bilinear(images, self.size)
            return maps.apply(self.extractor, self.layers, extras[KEPT], images)

        return maps_of

    def distance(
        self, extras: Mapping[str, PyTree], images: jax.Array, targets: jax.Array
    ) -> jax.Array:
        """That of images [B, H, W, C] in [-1, 1] to their targets, without the weight."""
        return losses.perceptual(self.look(extras), images, targets)


def prepared(batch: Batch, name: str, shapes: PyTree) -> PyTree:
    """What was prepared under the name, or else zeros: a state is restored into these."""
    if name in batch:
        return batch[name]
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
