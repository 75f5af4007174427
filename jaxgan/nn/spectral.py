"""Spectral normalization with a collection of its own and an exact start."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import flatten_dict
from jax import Array, lax

from jaxgan.nn.weights import Initializer, plain

COLLECTION = "spectral"


@dataclasses.dataclass(frozen=True)
class SpectralNorm:
    """Divides a layer's kernel by its largest singular value (Miyato et al. 2018, eq. 8).

    A weight for `Dense`, `Conv`, `ConvTranspose` and `Embed`::

        Conv(64, 3, weight=SpectralNorm(update_stats=train))

    The kernel is seen as a matrix [everything else, features]. The layer's scope in the collection
    ``spectral`` holds float32 ``u`` [features], ``v`` [everything else] and ``sigma`` []. They
    start at the exact leading singular vectors, not at random ones, so that the first forward pass
    has sigma right. A step is algorithm 1's, in the order of PyTorch's parametrization (u from v,
    then v from u) or of its older hook and of BigGAN (the other way round).

    Gradients flow through ``sigma = u^T W v`` with u and v held constant, as in the paper's eq. 12.
    Biases stay as they are, and so does a kernel of zeros.

    Attributes:
      n_steps: power iterations at each call that updates.
      update_stats: iterate and store (the collection must be mutable), or take u and v as stored.
      order: which vector a step renews first, ``'uv'`` or ``'vu'``. PyTorch's matrix of a table has
        the rows for outputs, so that of an `Embed` u and v change places in ``'vu'``.
    """

    n_steps: int = 1
    update_stats: bool = True
    order: str = "uv"

    def __post_init__(self) -> None:
        """Check the attributes."""
        if self.n_steps < 1:
            raise ValueError(f"n_steps must be positive, got {self.n_steps}")
        if self.order not in ("uv", "vu"):
            raise ValueError(f"order must be 'uv' or 'vu', got {self.order!r}")

    def __call__(
        self,
        module: nn.Module,
        name: str,
        init: Initializer,
        shape: tuple[int, ...],
        fan_in: float | None,
    ) -> Array:
        """The normalized parameter, as `jaxgan.nn.weights.Weight` has it."""
        value = plain(module, name, init, shape, fan_in)
        if value.ndim < 2:
            return value
        matrix = value.reshape(-1, shape[-1])
        constant = lax.stop_gradient(matrix)
        u_ref = module.variable(COLLECTION, "u", leading_singular_vector, constant)
        v_ref = module.variable(
            COLLECTION,
            "v",
            lambda: _normalize(_dot(constant, u_ref.value), _even(len(constant))),
        )
        sigma_ref = module.variable(
            COLLECTION, "sigma", lambda: _sigma(constant, u_ref.value, v_ref.value)
        )
        u, v = lax.stop_gradient((u_ref.value, v_ref.value))
        update = self.update_stats and not module.is_initializing()
        if update:
            v_first = self.order == "vu" and name != "embedding"
            for _ in range(self.n_steps):
                if v_first:
                    v = _normalize(_dot(constant, u), v)
                u = _normalize(_dot(v, constant), u)
                if not v_first:
                    v = _normalize(_dot(constant, u), v)
        sigma = _sigma(matrix, u, v)
        if update:
            u_ref.value, v_ref.value, sigma_ref.value = u, v, lax.stop_gradient(sigma)
        return value / jnp.where(sigma == 0, 1.0, sigma)


def leading_singular_vector(matrix: Array) -> Array:
    """Unit u [n], the right singular vector of the largest singular value of ``matrix`` [m, n].

    Exact up to rounding, from the eigenvectors of the smaller Gram matrix: a power iteration from a
    random start would take thousands of steps where the two largest singular values are close.
    """
    m, n = matrix.shape
    if m < n:
        left = jnp.linalg.eigh(_dot(matrix, matrix.T))[1][:, -1]
        return _normalize(_dot(left, matrix), _even(n))
    return jnp.linalg.eigh(_dot(matrix.T, matrix))[1][:, -1]


def sigmas(stats: Mapping[str, Any]) -> dict[str, Array]:
    """Each layer's latest largest singular value, by path, from the collections of `apply`.

    Args:
      stats: collections as `init` and `apply` return them; may lack ``spectral``.

    Returns:
      {'block_0/Conv_0': float32 []}; empty where no layer is normalized.
    """
    flat = flatten_dict(dict(stats.get(COLLECTION, {})), sep="/")
    return {
        path.removesuffix("/sigma").removesuffix("sigma"): value
        for path, value in flat.items()
        if path == "sigma" or path.endswith("/sigma")
    }


def _sigma(matrix: Array, u: Array, v: Array) -> Array:
    return _dot(v, _dot(matrix, u))


def _dot(a: Array, b: Array) -> Array:
    # Accelerators round float32 factors to 10 bits by default, which is 1e-3 of sigma.
    return jnp.matmul(a, b, precision="highest")


def _even(n: int) -> Array:
    """The unit vector [n] whose entries are equal."""
    return jnp.ones(n, jnp.float32) / n**0.5


def _normalize(x: Array, fallback: Array) -> Array:
    # A kernel that starts at zero must not leave a zero vector behind, which no step would leave.
    norm = jnp.linalg.norm(x)
    return jnp.where(norm > 0, x / jnp.where(norm > 0, norm, 1.0), fallback)
