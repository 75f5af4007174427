"""Feature extractors: what turns images into features, and running one over many images."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.base import parallel

PyTree = Any
Apply = Callable[[PyTree, jax.Array], tuple[jax.Array, jax.Array | None]]
Progress = Callable[[int, int], None]

# Generators end in a tanh, but a resize or a float16 file may overshoot by a rounding.
TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A function from images to features, and what identifies it in a result.

    Attributes:
      name: for example ``'inception_2015_12_05'`` or ``'domain_mnist'``.
      digest: the SHA-256 in hex of the weights file, or of the parameters.
      resize: how images are brought to the network's size: ``'tf1'``, ``'antialiased'`` or
        ``'none'``.
      dim: the number of features.
      num_classes: the number of logits; 0 if it gives none.
      params: the weights.
      apply: ``apply(params, images)``: images uint8 [B, H, W, C] to features float32 [B, dim] and
        logits float32 [B, num_classes] or None. It is compiled once for each such function, so an
        extractor that is built twice should carry the same one.
    """

    name: str
    digest: str
    resize: str
    dim: int
    num_classes: int
    params: PyTree
    apply: Apply


@dataclasses.dataclass(frozen=True)
class Features:
    """What an extractor says of n images.

    Attributes:
      features: float32 [n, dim].
      logits: float32 [n, num_classes], or None if the extractor gives none.
    """

    features: np.ndarray
    logits: np.ndarray | None


def to_bytes(images: np.ndarray | jax.Array) -> np.ndarray:
    """Images in [-1, 1] as uint8: ``round((x + 1) * 127.5)``. Images that are uint8 pass through.

    Raises:
      ValueError: if a value is not finite, or outside [-1, 1] by more than 0.001.
    """
    values = np.asarray(images)
    if values.dtype == np.uint8:
        return values
    values = values.astype(np.float32)
    if values.size:
        low, high = float(values.min()), float(values.max())
        if not math.isfinite(low) or not math.isfinite(high):
            bad = values.size - int(np.count_nonzero(np.isfinite(values)))
            raise ValueError(f"{bad} of {values.size} image values are not finite")
        if low < -1 - TOLERANCE or high > 1 + TOLERANCE:
            raise ValueError(f"images must lie in [-1, 1], but reach from {low:.4g} to {high:.4g}")
    return np.rint((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8)


def extract(
    extractor: Extractor,
    images: np.ndarray,
    *,
    batch_size: int = 250,
    mesh: Mesh | None = None,
    progress: Progress | None = None,
) -> Features:
    """The features of many images, batch by batch. The result does not depend on the batch size.

    Args:
      extractor: what to run.
      images: uint8 [n, H, W, C]; with several processes, the same ones in each.
      batch_size: images in one call over all devices, rounded up to a multiple of their number.
      mesh: the devices, in one axis; None: one device of this process.
      progress: called as ``progress(done, n)`` after each batch.

    Raises:
      ValueError: if the images are not uint8 [n, H, W, C] with n > 0, or features are not finite.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
        raise ValueError(
            f"images must be uint8 [n, H, W, C], got {images.dtype} {list(images.shape)}"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
    if mesh is None:
        mesh = Mesh(
            np.asarray(jax.local_devices()[:1]), (parallel.AXIS,), axis_types=(AxisType.Auto,)
        )
    n = len(images)
    size = math.ceil(min(batch_size, n) / mesh.size) * mesh.size
    run = _compile(extractor.apply, mesh)
    params = parallel.Devices(mesh, "jit").replicate(extractor.params)

    parts: list[tuple[np.ndarray, np.ndarray | None]] = []
    for start in range(0, n, size):
        batch = images[start : start + size]
        count = len(batch)
        if count < size:  # the last image again, so that there is one shape to compile
            batch = np.concatenate([batch, np.repeat(batch[-1:], size - count, axis=0)])
        features, logits = run(params, _shard(batch, mesh))
        parts.append(
            (np.asarray(features)[:count], None if logits is None else np.asarray(logits)[:count])
        )
        _check(extractor, parts[-1][0], start)
        if progress is not None:
            progress(start + count, n)
    whole = [logits for _, logits in parts if logits is not None]
    return Features(
        np.concatenate([features for features, _ in parts]),
        np.concatenate(whole) if whole else None,
    )


@functools.lru_cache(maxsize=16)
def _compile(apply: Apply, mesh: Mesh) -> Callable[..., Any]:
    """``apply`` on a mesh, its result whole on every device."""
    return jax.jit(apply, out_shardings=NamedSharding(mesh, PartitionSpec()))


def _shard(batch: np.ndarray, mesh: Mesh) -> jax.Array:
    """A batch that every process holds whole, cut over the devices of all of them."""
    sharding = NamedSharding(mesh, PartitionSpec(parallel.AXIS))
    return jax.make_array_from_callback(batch.shape, sharding, lambda index: batch[index])


def _check(extractor: Extractor, features: np.ndarray, start: int) -> None:
    """Raises a ValueError that names the first image whose features are not finite."""
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{extractor.name} gives features that are not finite, "
            f"first for image {start + int(bad.argmax())}"
        )
