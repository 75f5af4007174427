"""The sliced Wasserstein distance between two sets of samples, on raw values."""

import math

import jax
import jax.numpy as jnp


def sliced_wasserstein(
    x: jax.Array, y: jax.Array, key: jax.Array, *, projections: int = 256
) -> jax.Array:
    """The sliced 2-Wasserstein distance of two samples of equal size.

    ``sqrt(mean_u mean_i (sort(x u)_i - sort(y u)_i)^2)`` over random unit vectors u
    (Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters", definition 1, by Monte Carlo).

    Args:
      x: samples [n, ...].
      y: samples [n, ...] of the same shape.
      key: for the directions.
      projections: how many of them.

    Returns:
      A float32 scalar, in the units of the values; 0 for equal samples.

    Raises:
      ValueError: if the shapes differ.
    """
    if x.shape != y.shape:
        raise ValueError(f"x and y must have the same shape, got {x.shape} and {y.shape}")
    size = math.prod(x.shape[1:])
    directions = jax.random.normal(key, (size, projections), jnp.float32)
    directions /= jnp.linalg.norm(directions, axis=0, keepdims=True)

    def project(samples: jax.Array) -> jax.Array:
        flat = samples.reshape(samples.shape[0], size).astype(jnp.float32)
        return jnp.sort(jnp.matmul(flat, directions, precision="highest"), axis=0)

    square = jnp.mean((project(x) - project(y)) ** 2)
    # The slope of a root is infinite at 0, and equal samples would have a gradient of nan.
    return jnp.where(square == 0, 0.0, jnp.sqrt(jnp.where(square == 0, 1.0, square)))
