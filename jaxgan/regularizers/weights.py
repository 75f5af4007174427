"""Constraints and penalties on parameters: clipping, spectral, orthogonal, historical averaging.

A tree of parameters is any pytree. Where a function speaks of matrices it takes every leaf of two
axes or more, as ``[inputs, outputs]`` with the last axis as outputs (a kernel ``[h, w, in, out]``
has ``h w in`` inputs), and leaves biases and scales alone. Pass a part of the tree to choose.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

PyTree = Any


class HistoricalAverage(NamedTuple):
    """The mean of the parameters so far, a float32 tree, and the int32 number of them."""

    mean: PyTree
    steps: jax.Array


def weight_clip(params: PyTree, limit: float) -> PyTree:
    """Every parameter, biases too, clipped to [-limit, limit], in its own dtype.

    To be called after the critic's update. Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1,
    with the limit 0.01.

    Raises:
      ValueError: if ``limit`` is not positive.
    """
    if isinstance(limit, int | float) and not limit > 0:
        raise ValueError(f"limit is {limit}, but must be positive")

    def clip(x: jax.Array) -> jax.Array:
        bound = jnp.asarray(limit, x.dtype)
        return jnp.clip(x, -bound, bound)

    return jax.tree.map(clip, params)


def orthogonal(params: PyTree, *, diagonal: bool = False) -> jax.Array:
    """``sum |W^T W * (1 - I)|_F^2`` over the matrices: outputs shall be orthogonal to each other.

    Without the diagonal, so that norms are free (BigGAN); with it ``sum |W^T W - I|_F^2``. Its
    gradient ``4 W (W^T W * (1 - I))`` is twice the one in BigGAN-PyTorch, which writes that of
    half the paper's penalty. Multiply by 1e-4 for the paper's.

    Brock et al. 2019, "Large Scale GAN Training", eq. 3 (without the diagonal) and eq. 2 (with).
    """

    def penalty(matrix: jax.Array) -> jax.Array:
        gram = jnp.matmul(matrix.T, matrix, precision="highest")
        eye = jnp.eye(gram.shape[0], dtype=jnp.float32)
        return jnp.sum(jnp.square(gram - eye if diagonal else gram * (1.0 - eye)))

    return sum(map(penalty, _matrices(params)), jnp.zeros((), jnp.float32))


def spectral_init(key: jax.Array, params: PyTree) -> tuple[jax.Array, ...]:
    """A random unit vector ``[outputs]`` for each matrix, in the order of the tree's leaves."""
    matrices = _matrices(params)
    keys = jax.random.split(key, max(len(matrices), 1))
    draws = (
        jax.random.normal(k, m.shape[1:], jnp.float32) for k, m in zip(keys, matrices, strict=False)
    )
    return tuple(_unit(x) for x in draws)


def spectral(
    params: PyTree, state: tuple[jax.Array, ...], *, iterations: int = 1
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """``sum sigma(W)^2`` over the matrices, and the vectors of the power iteration.

    sigma is the largest singular value, estimated by ``iterations`` steps that carry on from
    ``state`` (of ``spectral_init``) and are constants to the gradient. The paper's penalty is
    lambda / 2 times this. Yoshida and Miyato 2017, "Spectral Norm Regularization for Improving the
    Generalizability of Deep Learning", algorithm 1.

    Raises:
      ValueError: if ``iterations`` is below 1, or ``state`` is of other matrices.
    """
    matrices = _matrices(params)
    if iterations < 1:
        raise ValueError(f"iterations is {iterations}, but must be at least 1")
    if [u.shape for u in state] != [m.shape[1:] for m in matrices]:
        raise ValueError("state is not of these params: make it with spectral_init(key, params)")
    penalty, new_state = jnp.zeros((), jnp.float32), []
    for matrix, u in zip(matrices, state, strict=True):
        fixed = lax.stop_gradient(matrix)
        for _ in range(iterations):
            v = _unit(jnp.matmul(fixed, u, precision="highest"))
            u = _unit(jnp.matmul(v, fixed, precision="highest"))
        sigma = jnp.matmul(jnp.matmul(v, matrix, precision="highest"), u, precision="highest")
        penalty += jnp.square(sigma)
        new_state.append(u)
    return penalty, tuple(new_state)


def historical_average_init(params: PyTree) -> HistoricalAverage:
    """The history of one step: ``params`` itself."""
    mean = jax.tree.map(lambda x: x.astype(jnp.float32), params)
    return HistoricalAverage(mean, jnp.ones((), jnp.int32))


def historical_average_update(state: HistoricalAverage, params: PyTree) -> HistoricalAverage:
    """The history with one more step; to be called after the player's update."""
    steps = state.steps + 1

    def move(m: jax.Array, x: jax.Array) -> jax.Array:
        return m + (x.astype(jnp.float32) - m) / steps.astype(jnp.float32)

    mean = jax.tree.map(move, state.mean, params)
    return HistoricalAverage(mean, steps)


def historical_average(params: PyTree, state: HistoricalAverage) -> jax.Array:
    """``|params - mean of past params|^2``, summed over every parameter, in float32.

    Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.3.

    Raises:
      ValueError: if ``state`` is of other parameters.
    """
    structure: Any = jax.tree.structure(params)
    leaves = jax.tree.leaves(params), jax.tree.leaves(state.mean)
    # A mean of shape [1] would silently broadcast.
    if structure != jax.tree.structure(state.mean) or any(
        x.shape != m.shape for x, m in zip(*leaves, strict=True)
    ):
        raise ValueError("state is not of these params: make it with historical_average_init")
    squares = (
        jnp.sum(jnp.square(x.astype(jnp.float32) - lax.stop_gradient(m)))
        for x, m in zip(*leaves, strict=True)
    )
    return sum(squares, jnp.zeros((), jnp.float32))


def _matrices(params: PyTree) -> list[jax.Array]:
    leaves = (x for x in jax.tree.leaves(params) if x.ndim >= 2)
    return [x.reshape(-1, x.shape[-1]).astype(jnp.float32) for x in leaves]


def _unit(x: jax.Array) -> jax.Array:
    return x * lax.rsqrt(jnp.sum(jnp.square(x)) + 1e-12)
