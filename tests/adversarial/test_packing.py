import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial import packing


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 4, 2)])
def test_a_pack_is_samples_side_by_side(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for m in (1, 2, 3):
        expected = [np.concatenate(x[i : i + m], axis=-1) for i in range(0, 6, m)]
        np.testing.assert_array_equal(packing.pack(jnp.asarray(x), m), np.stack(expected))


def test_a_pack_passes_its_gradient_to_each_sample():
    weight = jnp.arange(1.0, 7.0)

    def loss(x):
        return jnp.sum(packing.pack(x, 3) @ weight)

    gradient = jax.grad(loss)(jnp.zeros((6, 2)))
    np.testing.assert_array_equal(gradient, np.tile(np.arange(1.0, 7.0).reshape(3, 2), (2, 1)))


def test_a_pack_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"pack=4 does not divide the 6 samples"):
        packing.pack(jnp.zeros((6, 2)), 4)
