"""The kernel gradient as products of matrices, which a CPU takes for larger images."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.nn import conv, conv_kernel_gradient
from jaxgan.nn.operators import PIXELS
from tests.nn.reference import assert_close, normal


def operands(batch, size, kernel, padding, C=16, features=17, dtype=jnp.float32):
    x = normal(1, batch, *size, C, dtype=dtype)
    w = jax.ShapeDtypeStruct((*kernel, C, features), dtype)
    g = jax.eval_shape(lambda x, w: conv(x, w, 1, padding), x, w)
    return x, normal(2, *g.shape, dtype=dtype)


def stock(x, g, kernel, padding):
    w = jnp.zeros((*kernel, x.shape[-1], g.shape[-1]), x.dtype)
    operator = partial(conv, x, padding=padding, implementation="stock")
    return jax.vjp(operator, w)[1](g)[0]


GEOMETRIES = [
    (5, (29, 31), (3, 3), "SAME"),
    (6, (23, 33), (3, 3), "VALID"),
    (3, (40, 33), (1, 1), "SAME"),
    (2, (64, 65), (7, 3), 1),
    (12, (20, 21), (4, 5), ((0, 3), (5, 2))),
    (12, (20, 21), (2, 3), ((4, 0), (0, 6))),
]


@pytest.mark.parametrize("case", GEOMETRIES, ids=str)
def test_equals_the_gradient_that_jax_takes(case):
    batch, size, kernel, padding = case
    x, g = operands(batch, size, kernel, padding)
    assert g.size / g.shape[-1] > PIXELS
    computed = jax.jit(lambda x, g: conv_kernel_gradient(x, g, kernel, 1, padding))
    assert "convolution" not in computed.lower(x, g).compile().as_text()
    assert_close(computed(x, g), stock(x, g, kernel, padding), 1e-5)


def test_sums_of_bfloat16_are_float32():
    batch, size, kernel, padding = GEOMETRIES[0]
    x, g = operands(batch, size, kernel, padding, dtype=jnp.bfloat16)
    got = conv_kernel_gradient(x, g, kernel, 1, padding)
    assert got.dtype == jnp.bfloat16
    exact = stock(x.astype(jnp.float32), g.astype(jnp.float32), kernel, padding)
    assert_close(got.astype(jnp.float32), exact, 2**-8)


def test_another_backend_keeps_its_convolution():
    x, g = operands(*GEOMETRIES[0])
    computed = jax.jit(lambda x, g: conv_kernel_gradient(x, g, 3))
    text = computed.trace(x, g).lower(lowering_platforms=("tpu",)).as_text()
    assert "stablehlo.convolution" in text
    assert "stablehlo.dot_general" not in text


def test_over_devices_and_seeds():
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x, w = normal(1, 6, 40, 41, 16), normal(2, 3, 3, 16, 16)

    def gradient(w, x):
        return jax.grad(lambda w: jnp.sum(conv(x, w) ** 2))(w)

    want = jax.jit(gradient)(w, x)
    specs = {"mesh": mesh, "in_specs": (P(), P("data")), "out_specs": P()}
    checked = jax.jit(jax.shard_map(gradient, **specs))
    assert_close(checked(w, x), want, 1e-5)
    cut = jax.device_put(x, NamedSharding(mesh, P("data")))
    compiled = jax.jit(gradient).lower(w, cut).compile()
    collectives = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
    assert re.findall(rf" ({collectives})(?:-start)?[(]", compiled.as_text()) == ["all-reduce"]
    assert_close(compiled(w, cut), want, 1e-5)

    def summed(w, x):
        return jax.lax.psum(gradient(w, x), "data")

    mapped = jax.pmap(summed, axis_name="data", in_axes=(None, 0), out_axes=None)
    assert_close(mapped(w, x.reshape(2, 3, *x.shape[1:])), want, 1e-5)
    seeds = jax.jit(jax.vmap(gradient))(jnp.stack([w, w]), jnp.stack([x, x]))
    assert_close(seeds, jnp.stack([want, want]), 1e-5)
