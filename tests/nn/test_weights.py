"""A parameter that is not asked for its initial value where it has one."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax import errors

from jaxgan.nn.weights import parameter

KEY = jax.random.key(0)


class Scaled(nn.Module):
    """Its input times a parameter of the input's last axis."""

    start: nn.initializers.Initializer = nn.initializers.normal(1.0)

    @nn.compact
    def __call__(self, x):
        return x * parameter(self, "scale", self.start, x.shape[-1:])


class Flaxs(Scaled):
    @nn.compact
    def __call__(self, x):
        return x * self.param("scale", self.start, x.shape[-1:], jnp.float32)


def test_it_begins_as_flaxs_and_is_not_initialized_again():
    asked = []

    def init(key, shape, dtype):
        asked.append(shape)
        return jax.random.normal(key, shape, dtype)

    x = jnp.ones((2, 3))
    ours, theirs = Scaled(init), Flaxs(init)
    variables = ours.init(KEY, x)
    assert jax.tree.map(jnp.array_equal, variables, theirs.init(KEY, x)) == {
        "params": {"scale": True}
    }
    asked.clear()
    assert jnp.array_equal(ours.apply(variables, x), x * variables["params"]["scale"])
    assert asked == []


@pytest.mark.parametrize("kind", [Scaled, Flaxs])
def test_a_value_of_another_shape_or_none_is_refused(kind):
    variables = kind().init(KEY, jnp.ones((2, 3)))
    with pytest.raises(errors.ScopeParamShapeError, match="scale"):
        kind().apply(variables, jnp.ones((2, 4)))
    with pytest.raises(errors.ScopeParamNotFoundError, match="scale"):
        kind().apply({"params": {"other": jnp.ones(3)}}, jnp.ones((2, 3)))
