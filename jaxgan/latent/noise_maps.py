"""Noise maps as variables: drawn, kept standard, and kept from carrying the picture.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv:1912.04958),
appendix D.
"""

from typing import Any

import jax
import jax.numpy as jnp

PyTree = Any
SMALLEST = 8


def draw(keys: jax.Array, maps: PyTree) -> PyTree:
    """Standard normal maps of the same sizes, one set for each key: a tree of [B, h, w, 1]."""
    leaves, structure = jax.tree.flatten(maps)

    def one(key: jax.Array) -> list[jax.Array]:
        each = jax.random.split(key, max(len(leaves), 1))
        return [jax.random.normal(each[i], x.shape[1:], jnp.float32) for i, x in enumerate(leaves)]

    return jax.tree.unflatten(structure, jax.vmap(one)(keys))


def standardized(maps: PyTree) -> PyTree:
    """Each map with mean 0 and variance 1."""

    def one(x: jax.Array) -> jax.Array:
        x = x - x.mean(axis=(1, 2, 3), keepdims=True)
        return x * jax.lax.rsqrt(jnp.square(x).mean(axis=(1, 2, 3), keepdims=True) + 1e-12)

    return jax.tree.map(one, maps)


def dependence(maps: PyTree) -> jax.Array:
    """How much neighbours have in common, [B]: 0 in expectation for noise.

    The squares of the mean products of a map with itself moved by a pixel, down and to the right,
    on the map and on its halves of a side from 8 pixels on: means of four pixels, times 2, so that
    noise keeps its variance.
    """
    totals = [_of_map(x) for x in jax.tree.leaves(maps)]
    return jnp.sum(jnp.stack(totals), axis=0)


def _of_map(x: jax.Array) -> jax.Array:
    total = jnp.zeros(len(x), jnp.float32)
    while True:
        for axis in (1, 2):
            product = x * jnp.roll(x, 1, axis=axis)
            total += jnp.square(product.mean(axis=(1, 2, 3)))
        B, H, W, C = x.shape
        if min(H, W) <= SMALLEST or H % 2 or W % 2:
            return total
        x = 2 * x.reshape(B, H // 2, 2, W // 2, 2, C).mean(axis=(2, 4))
