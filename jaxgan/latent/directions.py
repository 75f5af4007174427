"""Directions of a latent space: those that vary most, and those that the weights amplify most."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import errors
from jaxgan.latent import generator as generators
from jaxgan.latent import styles
from jaxgan.latent.generator import CHUNK, Generator
from jaxgan.run.sampling import in_chunks

PyTree = Any
# How layers from w to styles are called.
STYLED = ("style", "modulation")
STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclasses.dataclass(frozen=True)
class Directions:
    """Directions in Z or W, the strongest first.

    Attributes:
      space: ``'z'`` or ``'w'``.
      vectors: float64 [k, D]; one is a step of 1.
      strengths: float64 [k]: of principal ones the share of the variance, of closed-form ones the
        eigenvalue.
    """

    space: str
    vectors: np.ndarray
    strengths: np.ndarray


def principal(
    gan: Any, key: jax.Array, n: int = 10_000, k: int = 8, *, labels: Any = None
) -> Directions:
    """The principal directions of W, or of what the first layer makes of z.

    Härkönen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls" (arXiv:2004.02546),
    sections 2.1 and 2.2: with styles, the principal components of n draws of w, a step of 1 being a
    standard deviation. Else those of the first layer's outputs y, brought back to z: ``U`` of the
    least squares of ``U x = z`` over the draws, x being y's coordinates; a step of 1 is a standard
    deviation of x.

    Args:
      gan: of ``jaxgan.load``.
      key: of the draws.
      n: how many.
      k: directions.
      labels: of the draws, in turn.

    Raises:
      UserError: for fewer draws than directions, or more of these than there are.
    """
    made = generators.of(gan)
    if not 1 <= k <= n:
        raise errors.UserError(f"from 1 to n={n} directions can be found in n draws, not {k}")
    latents, told = made.draw(key, n), made.labels(labels, n)
    if styles.has(made):
        w = styles.mapped(made, latents, told)
        _, axes, scales = components(w, k)
        return Directions("w", axes * scales[:, None], scales**2 / _variance(w))
    z = generators.z_of(latents).astype(np.float64)
    outputs = first_outputs(made, latents, told)
    mean, axes, scales = components(outputs, k)
    coordinates = (outputs - mean) @ axes.T
    found = np.linalg.lstsq(coordinates, z, rcond=None)[0]
    return Directions("z", found * scales[:, None], scales**2 / _variance(outputs))


def components(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean [D] of rows [n, D], k principal axes [k, D] of length 1, and deviations [k] on them.

    The largest number of an axis is above 0, so that it points the same way every time.

    Raises:
      UserError: if there are fewer than k.
    """
    rows = np.asarray(rows, np.float64)
    if k > min(rows.shape):
        raise errors.UserError(f"{k} directions are more than the {min(rows.shape)} that there are")
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True).reshape(rows.shape[1], -1))
    axes = _signed(vectors[:, ::-1][:, :k].T)
    return mean, axes, np.sqrt(values[::-1][:k].clip(0))


def closed_form(gan: Any, k: int = 8) -> Directions:
    """The directions that the weights which take the latent in change most: of length 1.

    Shen and Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs" (arXiv:2007.06600),
    equations 4 to 6: the eigenvectors of ``A^T A``. A is the weight of the first layer that takes
    z, or all those that take w to the styles of layers, one beneath the other.

    Args:
      gan: of ``jaxgan.load``.
      k: directions.

    Raises:
      UserError: for more than the latent has numbers, or where no layer takes it in.
    """
    made = generators.of(gan)
    space = "w" if styles.has(made) else "z"
    weights = style_weights(made) if space == "w" else first_weights(made)
    if not 1 <= k <= weights.shape[0]:
        raise errors.UserError(f"from 1 to {weights.shape[0]} directions can be found, not {k}")
    weights = weights.astype(np.float64)
    values, vectors = np.linalg.eigh(weights @ weights.T)
    return Directions(space, _signed(vectors[:, ::-1][:, :k].T), values[::-1][:k])


def strips(
    gan: Any,
    found: Directions,
    latents: PyTree,
    steps: Sequence[float] = STEPS,
    *,
    labels: Any = None,
) -> np.ndarray:
    """Samples [k, n, S, *shape]: of each direction and latent a strip along it.

    Args:
      gan: of ``jaxgan.load``.
      found: of it.
      latents: of n samples, where steps are 0.
      steps: how far, in steps of ``found``.
      labels: of the samples, in turn.

    Raises:
      UserError: for latents or labels that do not fit.
    """
    made = generators.of(gan)
    n, S = made.check(latents), len(steps)
    told = made.labels(labels, n)
    z = generators.z_of(latents) if found.space == "z" else styles.mapped(made, latents, told)
    again = generators.rows(latents, np.repeat(np.arange(n), S))
    label = None if told is None else np.repeat(told, S)
    rows = []
    for vector in found.vectors:
        moved = z[:, None] + np.asarray(steps)[None, :, None] * vector
        moved = moved.reshape(n * S, -1).astype(np.float32)
        if found.space == "w":
            samples = styles.painted(made, styles.repeated(made, moved), again, label)
        else:
            samples = made.images(generators.with_z(again, moved), label)
        rows.append(samples.reshape(n, S, *made.shape))
    return np.stack(rows)


def style_weights(generator: Generator) -> np.ndarray:
    """Of all layers' maps from w to their styles, the weights [D, outputs].

    GAT's have SiLU(w): they are taken as if it were w.

    Raises:
      UserError: if there are none.
    """
    found = _layers(generator, lambda module, x: module.name in STYLED)
    if not found:
        named = " or ".join(map(repr, STYLED))
        raise errors.UserError(f"no layer of {generator.name} is called {named}")
    return np.concatenate([kernel for kernel, _, _ in found], axis=1)


def first_weights(generator: Generator) -> np.ndarray:
    """Of the first layer that takes z, the weights [Z, outputs].

    Where it takes a part of z alone, as BigGAN's hierarchy has it, the others' are 0.

    Raises:
      UserError: if no layer with a kernel takes z.
    """
    _, kernel, inputs = _first(generator)
    Z = generators.z_of(generator.example).shape[1]
    flat = inputs.reshape(len(inputs), -1, kernel.shape[0])[:, 0]
    varies = np.flatnonzero(flat[0] != flat[1])
    weights = np.zeros((Z, kernel.shape[1]))
    weights[: len(varies)] = kernel[varies][:Z]
    return weights


def first_outputs(generator: Generator, latents: PyTree, labels: np.ndarray | None) -> np.ndarray:
    """What the first layer that takes z gives for latents, float64 [n, outputs].

    Raises:
      UserError: if no layer with a kernel takes z.
    """
    place, _, _ = _first(generator)

    def make(chosen: np.ndarray) -> jax.Array:
        some = generators.rows(latents, chosen)
        told = None if labels is None else labels[chosen]
        return look(generator.variables, some, told)

    def run(variables: PyTree, latents: PyTree, labels: Any) -> jax.Array:
        out = _heard(generator, variables, latents, labels)[place][2]
        out = out[len(out) - len(jax.tree.leaves(latents)[0]) :]
        return out.reshape(len(out), -1)

    look = jax.jit(run)
    found = in_chunks(make, generator.check(latents), CHUNK)
    return np.asarray(found, np.float64)


def _first(generator: Generator) -> tuple[int, np.ndarray, np.ndarray]:
    """Of the first layer that takes z: its place, its kernel, and its inputs for two latents.

    Raises:
      UserError: if there is none.
    """
    latents = generator.draw(jax.random.key(1), 2)
    # In nothing but z: labels, codes and noise are those of the first.
    alike = generators.rows(latents, [0, 0])
    latents = generators.with_z(alike, generators.z_of(latents))
    labels = generator.labels(None, 1)
    told = None if labels is None else np.repeat(labels, 2)
    run = jax.jit(lambda of, z, told: _heard(generator, of, z, told))
    for i, (kernel, inputs, _) in enumerate(run(generator.variables, latents, told)):
        # Behind virtual batch norm's reference batch, where there is one.
        two = np.asarray(inputs)[-2:]
        if len(two) == 2 and not np.array_equal(*two):
            return i, _flat(np.asarray(kernel)), two
    raise errors.UserError(f"no layer of {generator.name} takes its latents in by a kernel")


def _layers(generator: Generator, wanted: Any) -> list[tuple[np.ndarray, Any, Any]]:
    one, labels = generator.example, generator.labels(None, 1)
    run = jax.jit(lambda of, z, told: _heard(generator, of, z, told, wanted))
    return [(_flat(np.asarray(k)), x, y) for k, x, y in run(generator.variables, one, labels)]


def _heard(
    generator: Generator, variables: PyTree, latents: PyTree, labels: Any, wanted: Any = None
) -> list[tuple[jax.Array, jax.Array, jax.Array]]:
    """Of each layer with a kernel, in the order of their calls: that, its input and its output."""
    found: list[Any] = []

    def listen(go: Any, args: tuple, kwargs: dict, context: Any) -> Any:
        own = context.module.variables.get("params", {}) if context.module.scope else {}
        takes = context.method_name == "__call__" and "kernel" in own and args
        if not takes or (wanted is not None and not wanted(context.module, args[0])):
            return go(*args, **kwargs)
        place = len(found)
        found.append(None)
        out = go(*args, **kwargs)
        found[place] = own["kernel"], jnp.asarray(args[0]), out
        return out

    with nn.intercept_methods(listen):
        generator.apply(variables, latents, labels, np.float32(1))
    return found


def _flat(kernel: np.ndarray) -> np.ndarray:
    """A kernel [..., C, outputs] as [C, all others]."""
    return np.moveaxis(kernel, -2, 0).reshape(kernel.shape[-2], -1)


def _signed(axes: np.ndarray) -> np.ndarray:
    """Axes [k, D], each turned so that its largest number is above 0."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.where(largest < 0, -1.0, 1.0)


def _variance(rows: np.ndarray) -> float:
    """The sum over dimensions of rows' variance."""
    return float(np.asarray(rows, np.float64).var(axis=0).sum()) or 1.0
