"""Samples that the discriminator judges together, in packs.

Lin et al. 2018, "PacGAN: The Power of Two Samples in Generative Adversarial Networks"
(arXiv:1712.04086), section 3.
"""

from typing import Any

import jax
import jax.numpy as jnp

PyTree = Any


def pack(samples: jax.Array, m: int) -> jax.Array:
    """Packs of m consecutive samples [B, ..., C] as one of m times the channels [B/m, ..., m C].

    Raises:
      ValueError: if m does not divide B.
    """
    if m == 1:
        return samples
    B, *inner, C = samples.shape
    _check_divides(B, m)
    x = jnp.moveaxis(samples.reshape(B // m, m, *inner, C), 1, -2)
    return x.reshape(B // m, *inner, m * C)


def unpack(packs: jax.Array, m: int) -> jax.Array:
    """The samples [B, ..., C] of ``pack``."""
    if m == 1:
        return packs
    B, *inner, C = packs.shape
    x = jnp.moveaxis(packs.reshape(B, *inner, m, C // m), -2, 1)
    return x.reshape(B * m, *inner, C // m)


def in_packs(conditions: PyTree, m: int) -> PyTree:
    """The conditions [B, ...] of packs of m consecutive samples, [B/m, m, ...]; for 1 as they are.

    Raises:
      ValueError: if m does not divide B.
    """
    if m == 1:
        return conditions

    def rows(x: jax.Array) -> jax.Array:
        _check_divides(len(x), m)
        return x.reshape(-1, m, *x.shape[1:])

    return jax.tree.map(rows, conditions)


def _check_divides(B: int, m: int) -> None:
    if B % m:
        raise ValueError(
            f"techniques.pack={m} does not divide the {B} samples of a minibatch on each device"
        )
