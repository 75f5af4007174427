"""Samples under one setting after another: truncation, guidance, classes, codes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from scipy import special

from jaxgan.base import errors
from jaxgan.latent import generator as generators
from jaxgan.latent import styles
from jaxgan.methods.infogan import CATEGORICAL, CONTINUOUS
from jaxgan.run.sampling import of_classes

PyTree = Any
# Of StyleGAN2's psi, and of BigGAN's thresholds.
PSI = (0.0, 0.25, 0.5, 0.75, 1.0)
THRESHOLDS = (0.1, 0.5, 1.0, 1.5, 2.0, 3.0)
# Of a network that keeps statistics for each truncation.
BOUNDED = (0.1, 0.25, 0.5, 0.75, 1.0)
# How far w is from the mean over all classes.
GUIDANCES = (0.0, 0.5, 1.0, 1.5, 2.0)


def truncation_sweep(
    gan: Any, latents: PyTree, values: Sequence[float] | None = None, *, labels: Any = None
) -> tuple[np.ndarray, str, tuple[float, ...]]:
    """The samples of the same latents under one truncation after another.

    With styles it is psi, w at psi times its distance from the mean (Karras et al. 2019,
    arXiv:1812.04948, appendix B). Of Hugging Face's BigGAN-deep it is the setting of its network.
    Of any other z ~ N(0, I) it is BigGAN's threshold, normal draws within it (Brock et al. 2019,
    arXiv:1809.11096, section 3.1): each number of z at the same quantile of the truncated
    distribution, so that a column changes gradually.

    Args:
      gan: of ``jaxgan.load``.
      latents: of n samples.
      values: of the truncation; ``None``: some.
      labels: of the samples, in turn.

    Returns:
      Samples [V, n, *shape], what the values are called, and the values.

    Raises:
      UserError: for latents or labels that do not fit, or a value that is out of range.
    """
    made = generators.of(gan)
    n = made.check(latents)
    told = made.labels(labels, n)
    if made.bounded:
        kind, chosen = "truncation", tuple(BOUNDED if values is None else values)
        _check(chosen, 0, 1)
        rows = [made.images(latents, told, value) for value in chosen]
    elif styles.has(made):
        kind, chosen = "psi", tuple(PSI if values is None else values)
        _check(chosen)
        w, centre = styles.mapped(made, latents, told), styles.mean(made, told)
        near = [styles.repeated(made, centre + value * (w - centre)) for value in chosen]
        rows = [styles.painted(made, each.astype(np.float32), latents, told) for each in near]
    else:
        kind, chosen = "threshold", tuple(THRESHOLDS if values is None else values)
        _check(chosen, 0)
        z = generators.z_of(latents)
        rows = [made.images(generators.with_z(latents, within(z, value)), told) for value in chosen]
    return np.stack(rows), kind, chosen


def guidance_sweep(
    gan: Any, latents: PyTree, values: Sequence[float] | None = None, *, labels: Any = None
) -> tuple[np.ndarray, tuple[float, ...]]:
    """The samples of the same latents under one guidance after another.

    w goes to as many times its distance from the mean over all classes of the same latent; 1 is
    none (as in GAT's code; Hyun et al. 2026, arXiv:2509.24935).

    Args:
      gan: of ``jaxgan.load``, with styles and classes.
      latents: of n samples.
      values: of the guidance; ``None``: some.
      labels: of the samples, in turn.

    Returns:
      Samples [V, n, *shape], and the values.

    Raises:
      UserError: for latents or labels that do not fit, a generator without styles or classes, or a
        value that is no number.
    """
    made = generators.of(gan)
    n, chosen = made.check(latents), tuple(GUIDANCES if values is None else values)
    told = made.labels(labels, n)
    if told is None:
        raise errors.UserError(f"{made.name} takes no labels: it has no classes to be guided by")
    _check(chosen, of="guidance")
    classes = np.arange(made.num_classes, dtype=np.int32)
    every = of_classes(partial(styles.mapped, made), latents, classes)
    w, centre = every[told, np.arange(n)], every.mean(axis=0)
    rows = [styles.repeated(made, centre + np.float32(value) * (w - centre)) for value in chosen]
    return np.stack([styles.painted(made, each, latents, told) for each in rows]), chosen


def within(z: np.ndarray, threshold: float) -> np.ndarray:
    """Normal numbers at the same quantile of the normal distribution cut off at +-``threshold``."""
    edge = special.ndtr(-threshold)
    quantile = edge + special.ndtr(np.asarray(z, np.float64)) * (1 - 2 * edge)
    return special.ndtri(quantile).clip(-threshold, threshold).astype(np.float32)


def class_grid(gan: Any, latents: PyTree, labels: Any = None) -> tuple[np.ndarray, list[str]]:
    """Samples [K, n, *shape] of the same latents, a row for each class, and the rows' names.

    Args:
      gan: of ``jaxgan.load``, that takes labels.
      latents: of n samples.
      labels: of the rows, numbers or names; ``None``: all classes.

    Raises:
      UserError: if it takes no labels, or there are no such ones.
    """
    made = generators.of(gan)
    made.check(latents)
    if not made.num_classes:
        raise errors.UserError(f"{made.name} takes no labels: it has no classes to show")
    count = made.num_classes if labels is None else np.size(labels)
    chosen = made.labels(labels, count)
    assert chosen is not None
    samples = of_classes(made.images, latents, chosen)
    return samples, [made.classes[label] for label in chosen]


def code_sweep(
    gan: Any, latents: PyTree, values: Sequence[float] = (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2)
) -> dict[str, np.ndarray]:
    """What InfoGAN's codes do, each by its name: samples of the first latents with one code moved.

    Chen et al. 2016, arXiv:1606.03657, figure 2: a categorical code over its values, and a
    continuous one over ``values``, beyond [-1, 1] too.

    Args:
      gan: of ``jaxgan.load``, of the method ``infogan``.
      latents: of n samples.
      values: of continuous codes.

    Returns:
      Samples [n, V, *shape] by the code's name, such as ``'categorical 0'``.

    Raises:
      UserError: if there are no codes.
    """
    made = generators.of(gan)
    n = made.check(latents)
    if not isinstance(latents, dict) or not {CATEGORICAL, CONTINUOUS} & set(latents):
        raise errors.UserError(f"{made.name} has no codes beside its noise: they are infogan's")
    found = {}
    for kind in (CATEGORICAL, CONTINUOUS):
        if kind not in latents:
            continue
        drawn = np.asarray(latents[kind])
        over: Any = gan.method.choices[CATEGORICAL] if kind == CATEGORICAL else 0
        over = np.arange(over) if over else np.asarray(values)
        for i in range(drawn.shape[1]):
            again = generators.rows(latents, np.repeat(np.arange(n), len(over)))
            again[kind] = again[kind].copy()
            again[kind][:, i] = np.tile(over, n).astype(drawn.dtype)
            samples = made.images(again, made.labels(None, n * len(over)))
            found[f"{kind} {i}"] = samples.reshape(n, len(over), *made.shape)
    return found


def drawn(gan: Any, key: jax.Array, n: int) -> PyTree:
    """Latents of n samples, as ``gan.latents`` draws them."""
    return generators.of(gan).draw(key, n)


def _check(
    values: Sequence[float],
    above: float | None = None,
    most: float = np.inf,
    *,
    of: str = "truncation",
) -> None:
    """Refuses values that no truncation has, or what else they are of."""
    for value in values:
        if not np.isfinite(value) or value > most or (above is not None and value <= above):
            allowed = f"above {above}" + (f" and at most {most}" if np.isfinite(most) else "")
            must = "finite" if above is None else allowed
            raise errors.UserError(f"a {of} must be {must}, not {value}")
