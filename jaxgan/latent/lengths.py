"""Perceptual path length: how far the image moves for a small step on a way between two latents."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import losses
from jaxgan.base import errors
from jaxgan.latent import generator as generators
from jaxgan.latent import styles
from jaxgan.latent.generator import CHUNK
from jaxgan.latent.interpolation import SPACES, lerp, slerp
from jaxgan.run import requests
from jaxgan.run.sampling import in_chunks

PyTree = Any
# What the authors' code leaves out, in percent at each end.
OUTLIERS = 1.0


@dataclasses.dataclass(frozen=True)
class PathLength:
    """Lengths of ways.

    Attributes:
      mean: of those that are no outliers.
      each: float64 [n].
      space: ``'z'`` or ``'w'``.
      distance: what images are compared by.
    """

    mean: float
    each: np.ndarray
    space: str
    distance: str


def path_length(
    gan: Any,
    key: jax.Array,
    n: int = 1000,
    *,
    space: str = "z",
    look: Callable[[jax.Array], PyTree] | None = None,
    epsilon: float = 1e-4,
    labels: Any = None,
) -> PathLength:
    """``E[d(G(path(t)), G(path(t + epsilon))) / epsilon^2]``, t uniform on the way of two latents.

    Karras et al. 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks"
    (arXiv:1812.04948), equations 2 and 3: on the sphere in Z, straight in W. As in the authors'
    code, the hundredth of lengths at either end is left out. Their d is LPIPS on VGG-16: figures by
    another one are not to be compared with theirs.

    Args:
      gan: of ``jaxgan.load``.
      key: of the ways.
      n: how many.
      space: ``'z'`` or ``'w'``.
      look: features that d is LPIPS in, from images [B, H, W, C] in [-1, 1] to a tree of maps, such
        as ``extractors.maps`` gives; ``None``: d is the mean square over an image's values.
      epsilon: the step.
      labels: of the ways, in turn.

    Raises:
      UserError: for points, no ways, labels that there are not, or a space that it has not.
    """
    made = generators.of(gan)
    made.check_images()
    if space not in SPACES:
        raise errors.unknown("space", space, SPACES)
    requests.check_count(n, made.shape)
    told = made.labels(labels, n)
    first, second = (made.draw(jax.random.fold_in(key, i), n) for i in range(2))
    t = np.asarray(jax.random.uniform(jax.random.fold_in(key, 2), (n,)), np.float64) * (1 - epsilon)
    ends = []
    if space == "w":
        a, b = (styles.mapped(made, latents, told) for latents in (first, second))
        for s in (t, t + epsilon):
            w = np.stack([lerp(x, y, u) for x, y, u in zip(a, b, s, strict=True)])
            repeated = styles.repeated(made, w.astype(np.float32))
            ends.append(styles.painted(made, repeated, first, told))
    else:
        a, b = generators.z_of(first), generators.z_of(second)
        for s in (t, t + epsilon):
            z = np.stack([slerp(x, y, u) for x, y, u in zip(a, b, s, strict=True)])
            ends.append(made.images(generators.with_z(first, z.astype(np.float32)), told))
    each = distances(ends[0], ends[1], look) / epsilon**2
    low, high = np.percentile(each, (OUTLIERS, 100 - OUTLIERS))
    kept = each[(low <= each) & (each <= high)]
    named = "mean square of values" if look is None else "lpips in the given features"
    return PathLength(float(kept.mean()), each, space, named)


def distances(
    first: np.ndarray, second: np.ndarray, look: Callable[[jax.Array], PyTree] | None
) -> np.ndarray:
    """The distance float64 [n] of each two images [n, H, W, C]; see ``path_length``."""
    if look is None:
        gap = np.asarray(first, np.float64) - second
        return np.square(gap).reshape(len(gap), -1).mean(axis=1)
    features = look
    each = jax.jit(jax.vmap(lambda x, y: losses.lpips(features, x[None], y[None])))
    found = in_chunks(lambda rows: each(first[rows], second[rows]), len(first), CHUNK)
    return np.asarray(found, np.float64)
