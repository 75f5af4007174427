"""Paths between latents: straight or on the sphere, through several of them, closed or not.

The arithmetic is NumPy's, in float64: paths are made once, on the host.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxgan.base import errors
from jaxgan.latent import generator as generators
from jaxgan.latent import styles
from jaxgan.latent.generator import Generator

PyTree = Any
WAYS = ("slerp", "lerp")
SPACES = ("z", "w")
# Sines of angles from which on no plane can be told from two vectors.
LEAST = 1e-12


def lerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """The straight way from a to b [..., D]: float64 [*t, ..., D], ``(1 - t) a + t b``."""
    a, b, t = _checked(a, b, t)
    return _meeting(a, b, t, (1 - t) * a + t * b)


def slerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """The way from a to b [..., D] on the sphere: float64 [*t, ..., D].

    The direction turns evenly on the great circle, ``sin((1 - t) w) / sin(w) a + sin(t w) / sin(w)
    b`` of unit vectors at the angle w (Shoemake 1985; White 2016, arXiv:1609.04468), and the norm
    goes evenly from one to the other: it stays where it is if both are equally long. Opposite
    vectors go through one that is perpendicular to both, always the same; from or to 0 the way is
    straight.

    Args:
      a: where t is 0.
      b: where t is 1.
      t: a number or an array of them.

    Raises:
      ValueError: if a and b are of two shapes.
    """
    a, b, t = _checked(a, b, t)
    long = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b)]
    u, v = (x / np.where(n == 0, 1, n) for x, n in zip((a, b), long, strict=True))
    # By both sums: the inverse cosine has no digits near 0 and pi.
    apart, along = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (u - v, u + v))
    angle = 2 * np.arctan2(apart, along)
    across = v - np.sum(u * v, axis=-1, keepdims=True) * u
    size = np.linalg.norm(across, axis=-1, keepdims=True)
    across = np.where(size > LEAST, across / np.where(size > LEAST, size, 1), _perpendicular(u))
    # Again: of nearly opposite vectors the first has few digits left.
    across = across - np.sum(u * across, axis=-1, keepdims=True) * u
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), LEAST)
    turned = np.cos(t * angle) * u + np.sin(t * angle) * across
    found = ((1 - t) * long[0] + t * long[1]) * turned
    straight = np.minimum(*long) == 0
    return _meeting(a, b, t, np.where(straight, (1 - t) * a + t * b, found))


def between(a: PyTree, b: PyTree, t: ArrayLike, way: str = "slerp") -> PyTree:
    """Latents [T, ...] on the way from one sample's to another's, trees of arrays [...].

    z goes the way that is asked for, other numbers straight. What is whole changes half way, and
    noise and other draws by a key stay those of the first.

    Raises:
      UserError: for a way that there is not.
    """
    if way not in WAYS:
        raise errors.unknown("way", way, WAYS)
    step: Callable[..., np.ndarray] = slerp if way == "slerp" else lerp
    times = np.asarray(t, np.float64)

    def one(path: Any, x: Any, y: Any) -> np.ndarray:
        x, y = np.asarray(x), np.asarray(y)
        if np.issubdtype(x.dtype, np.unsignedinteger):  # a key
            return np.broadcast_to(x, (*times.shape, *x.shape))
        if not np.issubdtype(x.dtype, np.floating):
            return np.stack([x if s < 0.5 else y for s in times])
        whole = not path or getattr(path[-1], "key", "") == "z"
        flat = (step if whole else lerp)(x.reshape(-1), y.reshape(-1), times)
        return flat.reshape(*times.shape, *x.shape).astype(x.dtype)

    return jax.tree_util.tree_map_with_path(one, a, b)


def legs(points: PyTree, frames: int, *, way: str = "slerp", loop: bool = False) -> PyTree:
    """Latents [legs, frames, ...] of the way through points [P, ...], each leg with both its ends.

    Args:
      points: latents.
      frames: of each leg.
      way: ``'slerp'`` or ``'lerp'``.
      loop: whether the last leg leads from the last point to the first.

    Raises:
      UserError: for less than two points or frames, or a way that there is not.
    """
    count = len(jax.tree.leaves(points)[0])
    if count < 2:
        raise errors.UserError(f"a path needs at least 2 points, not {count}")
    if not isinstance(frames, int | np.integer) or frames < 2:
        raise errors.UserError(f"a path needs at least 2 frames from point to point, not {frames}")
    at = lambda i: generators.rows(points, i % count)  # noqa: E731
    times = np.linspace(0, 1, frames)
    found = [between(at(i), at(i + 1), times, way) for i in range(count - (not loop))]
    return jax.tree.map(lambda *each: np.stack(each), *found)


def in_order(found: PyTree, *, loop: bool = False) -> PyTree:
    """Rows [N, ...] of the legs [L, T, ...] one after the other, where two meet once.

    Of a loop the last frame leads to the first, which is not repeated.
    """

    def one(x: np.ndarray) -> np.ndarray:
        flat = x[:, :-1].reshape(-1, *x.shape[2:])
        return flat if loop else np.concatenate([flat, x[-1, -1:]])

    return jax.tree.map(one, found)


def interpolate(
    gan: Any,
    points: PyTree,
    frames: int = 8,
    *,
    labels: Any = None,
    way: str | None = None,
    space: str = "z",
    loop: bool = False,
    truncation: float = 1.0,
) -> tuple[np.ndarray, PyTree]:
    """Samples on the way through several latents.

    Args:
      gan: of ``jaxgan.load``.
      points: latents, as ``gan.latents`` draws them; or ``{'w': [P, D]}``, of a generator with
        styles: the way is then in W.
      frames: of each leg.
      labels: of the points, in turn; ``None``: all classes in turn, where there are any. Between
        two classes are mixtures of both. In W there is a w for each point under its label.
      way: ``'slerp'`` or ``'lerp'``; ``None``: slerp in Z, and lerp in W, which is no sphere.
      space: ``'z'``, or ``'w'`` of a generator with styles.
      loop: whether it leads back to the first point.
      truncation: psi, of a generator with styles; or that of a network that has one. 1 is none.

    Returns:
      Samples [legs, frames, *shape], and what they were made of: the latents [legs, frames, ...],
      or w [legs, frames, D].

    Raises:
      UserError: for points of another shape, less than two of them, labels that there are not, or
        a space that the generator has not.
    """
    made = generators.of(gan)
    count = len(jax.tree.leaves(points)[0])
    if labels is not None and np.ndim(labels) and len(labels) > count:
        raise errors.UserError(f"{len(labels)} labels are given, and the way has {count} points")
    given = points["w"] if isinstance(points, dict) and set(points) == {"w"} else None
    if space not in SPACES:
        raise errors.unknown("space", space, SPACES)
    if given is None and space == "z":
        told = made.labels(labels, made.check(points))
        found = legs(points, frames, way=way or "slerp", loop=loop)
        mixed = None if told is None else mixtures(told, made.num_classes, frames, loop=loop)
        size = jax.tree.leaves(found)[0].shape[:2]
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), found)
        samples = truncated(made, flat, mixed, truncation)
        return samples.reshape(*size, *samples.shape[1:]), found
    if given is None:
        w = styles.mapped(made, points, made.labels(labels, made.check(points)))
    else:
        w = styles.checked(made, given)
        points = made.example
    found = legs(w, frames, way=way or "lerp", loop=loop)
    flat = found.reshape(-1, found.shape[-1])
    held = generators.rows(points, np.zeros(len(flat), int))
    samples = styles.painted(made, styles.repeated(made, near_mean(made, flat, truncation)), held)
    return samples.reshape(*found.shape[:2], *samples.shape[1:]), found


def truncated(
    made: Generator, latents: PyTree, labels: np.ndarray | None, truncation: float
) -> np.ndarray:
    """Samples of latents under a truncation, of what has one.

    Raises:
      UserError: if it has none, and it is not 1.
    """
    if truncation == 1 or made.bounded:
        return made.images(latents, labels, truncation)
    if not styles.has(made):
        raise errors.UserError(f"{made.name} takes no truncation")
    w = near_mean(made, styles.mapped(made, latents, labels), truncation, labels)
    return styles.painted(made, styles.repeated(made, w), latents)


def near_mean(
    made: Generator, w: np.ndarray, truncation: float, labels: np.ndarray | None = None
) -> np.ndarray:
    """W [n, D] at ``truncation`` times its distance from the mean, see ``styles.mean``.

    Raises:
      UserError: for one that is no number, or if there is no mean.
    """
    if truncation == 1:
        return w
    if not np.isfinite(truncation):
        raise errors.UserError(f"truncation must be a number, not {truncation}")
    centre = styles.mean(made, labels)
    return (centre + truncation * (w - centre)).astype(np.float32)


def mixtures(labels: np.ndarray, num_classes: int, frames: int, *, loop: bool) -> np.ndarray:
    """The classes [legs * frames, K] on the way through labels [P]; whole ones int32 [legs * T]."""
    one_hot = np.eye(num_classes, dtype=np.float32)[labels]
    found = legs(one_hot, frames, way="lerp", loop=loop).reshape(-1, num_classes)
    whole = found.max(axis=1) == 1
    return found.argmax(axis=1).astype(np.int32) if whole.all() else found


def _checked(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> tuple[np.ndarray, ...]:
    a, b, t = (np.asarray(x, np.float64) for x in (a, b, t))
    if a.shape != b.shape or not a.ndim:
        raise ValueError(f"two arrays [..., D] of one shape are due, not {a.shape} and {b.shape}")
    return a, b, t.reshape(*t.shape, *(1,) * a.ndim)


def _meeting(a: np.ndarray, b: np.ndarray, t: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What was found, with its ends to the bit."""
    return np.where(t == 0, a, np.where(t == 1, b, found))


def _perpendicular(u: np.ndarray) -> np.ndarray:
    """A unit vector at a right angle to unit vectors [..., D]; 0 where D is 1."""
    axis = np.eye(u.shape[-1])[np.argmin(np.abs(u), axis=-1)]
    across = axis - np.sum(axis * u, axis=-1, keepdims=True) * u
    size = np.linalg.norm(across, axis=-1, keepdims=True)
    return across / np.where(size == 0, 1, size)
