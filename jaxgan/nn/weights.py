"""How a layer makes its parameters: where spectral norm and equalized learning rates plug in."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import errors
from flax import linen as nn
from jax import Array

Initializer = Callable[..., Any]

# A weight is a function (module, name, init, shape, fan_in) -> float32 array. It creates what it
# needs in the scope of the layer that calls it, so that ``kernel`` keeps its path in the tree
# whichever weight a config picks. ``fan_in`` is the number of terms that an output sums, or None
# for a parameter that is not multiplied with the input (a bias).
Weight = Callable[[nn.Module, str, Initializer, tuple[int, ...], float | None], Array]


def plain(
    module: nn.Module, name: str, init: Initializer, shape: tuple[int, ...], fan_in: float | None
) -> Array:
    """The parameter itself, in float32."""
    return parameter(module, name, init, shape)


def parameter(module: nn.Module, name: str, init: Initializer, shape: tuple[int, ...]) -> Array:
    """``module.param`` of float32, which does not trace ``init`` where there is a value.

    Flax does, at each use, to compare shapes: a twentieth of what it takes to trace a step.

    Raises:
      ScopeParamShapeError: if the value has another shape.
    """
    if module.is_initializing() or not module.has_variable("params", name):
        return module.param(name, init, shape, jnp.float32)
    value: Array = module.get_variable("params", name)
    if value.shape != shape:
        raise errors.ScopeParamShapeError(name, "/" + "/".join(module.path), value.shape, shape)
    return value


def per_channel(values: Array, x: Array) -> Array:
    """``values`` [C], or a scalar, with axes of 1 before it, to be used with ``x`` [..., C].

    JAX adds them by itself, but not under ``jax_numpy_rank_promotion='raise'``.
    """
    return values.reshape((1,) * (x.ndim - values.ndim) + values.shape)
