"""The learned rectifier against PyTorch's."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxgan.nn import PReLU
from tests.nn.reference import assert_close, nchw, nhwc, normal


def test_it_is_torchs_with_a_slope_for_each_channel():
    x = normal(0, 2, 3, 4, 5)
    variables = PReLU().init(jax.random.key(0), x)
    np.testing.assert_array_equal(variables["params"]["slope"], np.full(5, 0.25))
    slope = jnp.linspace(-0.5, 1.5, 5)
    reference = torch.nn.functional.prelu(
        nchw(torch.tensor(np.asarray(x))), torch.tensor(np.asarray(slope))
    )
    found = PReLU().apply({"params": {"slope": slope}}, x)
    assert_close(found, jnp.asarray(nhwc(reference).numpy()), 1e-6)
