"""Named layers of an extractor, as a function of images that losses are differentiated through."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import data
from jaxgan.extractors import domain, inception
from jaxgan.extractors.classifier import Classifier

PyTree = Any
EXTRACTORS = ("domain", "inception")


def apply(extractor: str, layers: Sequence[str], variables: PyTree, images: jax.Array) -> PyTree:
    """The maps of ``layers``, computed no farther than they reach.

    Images are not resized: all these layers take any size. Statistics of batch norm are those of
    the extractor's training.

    Args:
      extractor: ``'domain'`` or ``'inception'``.
      layers: the domain classifier's are ``conv_0``, ``conv_1``, ..., each after its norm and
        rectifier; Inception's are ``conv`` to ``conv_4`` and ``mixed`` to ``mixed_10``, under the
        names that they have in TensorFlow.
      variables: of these layers, see ``load``.
      images: [B, H, W, C] in [-1, 1]; grey ones have three equal colours for Inception.

    Returns:
      ``{layer: maps}``, float32 [B, h, w, c] each.

    Raises:
      ValueError: for an extractor or a layer that there is not, or images too small for a layer.
    """
    if extractor == "inception":
        if images.shape[-1] not in (1, 3):
            raise ValueError(f"Inception needs images of 1 or 3 channels, got {images.shape[-1]}")
        images = jnp.broadcast_to(images, (*images.shape[:-1], 3))
        # As of bytes, ``(x - 128) / 128``.
        images = ((images + 1) * 127.5 - 128) / 128
        found: Any = _network(extractor, layers).apply(variables, images)
    else:
        found = _network(extractor, layers).apply(variables, images, train=False)
    for name, maps in found.items():
        if not maps.size:
            raise ValueError(
                f"images of {images.shape[1]} x {images.shape[2]} are too small for the layer "
                f"{name!r} of {extractor}"
            )
    return found


def shapes(extractor: str, layers: Sequence[str], shape: tuple[int, ...]) -> PyTree:
    """The variables that ``apply`` needs for images of ``shape``, by their shapes.

    Raises:
      ValueError: as ``apply`` does.
    """
    network = _network(extractor, layers)
    told: dict[str, Any] = {} if extractor == "inception" else {"train": False}
    channels = 3 if extractor == "inception" else shape[-1]
    image = jax.ShapeDtypeStruct((1, *shape[:-1], channels), jnp.float32)
    made = jax.eval_shape(lambda key, x: network.init(key, x, **told), jax.random.key(0), image)
    given = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    jax.eval_shape(lambda v, x: apply(extractor, layers, v, x), made, given)
    return made


def load(
    extractor: str,
    layers: Sequence[str],
    source: data.Source,
    *,
    shape: tuple[int, ...] | None = None,
    weights: str = "",
    digest: str = "",
) -> PyTree:
    """The variables of these layers alone: read from Inception's file, or of a trained classifier.

    The classifier is of the source's targets, where it has some, or of its images, by their labels;
    it is trained once, see ``domain.fitted``.

    Args:
      extractor: see ``apply``.
      layers: likewise.
      source: what is looked at.
      shape: of the images that ``apply`` is to be given; ``None``: of the source's.
      weights: Inception's file.
      digest: its SHA-256 in hex, if it must be that one.

    Raises:
      ValueError: if the file cannot be used, or as ``apply`` does.
      UserError: if there are no labels to train on.
    """
    needed = shapes(extractor, layers, shape or source.target or source.shape)
    if extractor == "inception":
        whole: PyTree = {"params": inception.load(weights, digest=digest).params["network"]}
    else:
        whole = domain.fitted(source)
    return jax.tree.map_with_path(lambda path, _: _at(whole, path), needed)


def _at(tree: PyTree, path: Any) -> Any:
    for key in path:
        tree = tree[key.key]
    return jnp.asarray(tree)


def _network(extractor: str, layers: Sequence[str]) -> nn.Module:
    if extractor not in EXTRACTORS:
        raise ValueError(f"extractor must be one of {', '.join(EXTRACTORS)}, not {extractor!r}")
    if not layers:
        raise ValueError(f"the extractor {extractor!r} needs layers to look at")
    if extractor == "inception":
        return inception.Inception(tuple(layers))
    return Classifier(0, tuple(layers))
