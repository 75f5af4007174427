"""What the tests of the layers share: draws, comparison, and the way to PyTorch and back."""

import jax
import jax.numpy as jnp
import numpy as np
import torch


def normal(seed, *shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


def assert_close(got, want, tolerance=1e-5):
    """Relative to the largest entry, as the rounding of a sum is."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-30)


def value_and_gradients(function, *args):
    """The value of a JAX function, and its gradients in all arguments along a fixed cotangent."""

    def both(*args):
        value, pull = jax.vjp(function, *args)
        return value, pull(normal(99, *value.shape, dtype=value.dtype))

    return jax.jit(both)(*args)


def torch_value_and_gradients(function, *args):
    """The same of a function of float64 tensors, returned in float32."""
    tensors = [torch.tensor(np.asarray(a, np.float64), requires_grad=True) for a in args]
    value = function(*tensors)
    cotangent = torch.tensor(np.asarray(normal(99, *value.shape), np.float64))
    gradients = torch.autograd.grad(value, tensors, cotangent)

    def back(t):
        return jnp.asarray(t.detach().numpy(), jnp.float32)

    return back(value), tuple(map(back, gradients))


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)
