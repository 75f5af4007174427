"""Convolutions equal lax's and PyTorch's at every order, are adjoint, and stay canonical."""

import itertools
import re

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.nn import Conv, ConvTranspose, conv, conv_kernel_gradient, conv_transpose
from tests.nn.reference import assert_close, normal


def all_orders(operator, x, w, cotangent):
    """Value, gradient, and gradient of the gradient of a bilinear operator, in one program."""

    def gradients(x, w, cotangent):
        value, pull = jax.vjp(operator, x, w)
        return value, pull(cotangent)

    def scalar(x, w, cotangent):
        _, (dx, dw) = gradients(x, w, cotangent)
        weights = normal(8, *dx.shape, dtype=dx.dtype), normal(9, *dw.shape, dtype=dw.dtype)
        return (jnp.sum(dx * weights[0]) + jnp.sum(dw * weights[1])).astype(jnp.float32)

    return gradients(x, w, cotangent), jax.grad(scalar, argnums=(0, 1, 2))(x, w, cotangent)


def compare(implementations, x, w, tolerance):
    canonical, stock = implementations
    c = normal(3, *jax.eval_shape(canonical, x, w).shape, dtype=x.dtype)
    got, want = jax.jit(
        lambda *args: (all_orders(canonical, *args), all_orders(stock, *args)),
    )(x, w, c)
    assert_close(got, want, tolerance)


CASES = [
    (kernel, stride, padding, size)
    for kernel, stride in itertools.product((1, 2, 3, 4, 5), (1, 2, 3))
    for padding, size in (("SAME", (7, 8)), ("VALID", (8, 9)), (1, (9, 6)))
]
QUICK = [case for i, case in enumerate(CASES) if i % 5 == 0]


def check_conv(kernel, stride, padding, size, dtype=jnp.float32, tolerance=1e-6):
    x, w = normal(1, 3, *size, 4, dtype=dtype), normal(2, kernel, kernel, 4, 5, dtype=dtype)

    def stock(x, w):
        pad = [(padding, padding)] * 2 if isinstance(padding, int) else padding
        return jax.lax.conv_general_dilated(
            x, w, (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    compare((lambda x, w: conv(x, w, stride, padding), stock), x, w, tolerance)


def check_transpose(kernel, stride, padding, size, dtype=jnp.float32, tolerance=1e-6):
    small = jax.eval_shape(
        lambda x, w: conv(x, w, stride, padding),
        jnp.zeros((1, *size, 4)),
        jnp.zeros((kernel, kernel, 4, 5)),
    ).shape[1:3]
    g, w = normal(1, 3, *small, 5, dtype=dtype), normal(2, kernel, kernel, 4, 5, dtype=dtype)

    def operator(implementation):
        return lambda g, w: conv_transpose(
            g, w, stride, padding, size, implementation=implementation
        )

    compare((operator("canonical"), operator("stock")), g, w, tolerance)


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_conv_equals_lax_at_every_order(case):
    check_conv(*case)


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_conv_transpose_equals_stock_at_every_order(case):
    check_transpose(*case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in QUICK], ids=str)
def test_every_geometry(case):
    check_conv(*case)
    check_transpose(*case)


@pytest.mark.parametrize("case", [(4, 2, "SAME", (7, 8))], ids=str)
def test_bfloat16_differs_from_lax_by_its_rounding(case):
    check_conv(*case, dtype=jnp.bfloat16, tolerance=2**-6)
    check_transpose(*case, dtype=jnp.bfloat16, tolerance=2**-6)


def test_unequal_axes():
    x, w = normal(1, 2, 9, 12, 3), normal(2, 2, 5, 3, 4)
    pad = ((0, 1), (2, 3))

    def stock(x, w):
        return jax.lax.conv_general_dilated(
            x, w, (1, 2), pad, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    compare((lambda x, w: conv(x, w, (1, 2), pad), stock), x, w, 1e-6)


@pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(3, 2, (8, 8)), (4, 2, (4, 6)), (5, 3, (3, 3))]
)
def test_conv_transpose_default_size_equals_lax(kernel, stride, size):
    g, w = normal(1, 2, *size, 5), normal(2, kernel, kernel, 4, 5)
    want = jax.lax.conv_transpose(g, w, (stride, stride), "SAME", transpose_kernel=True)
    assert_close(conv_transpose(g, w, stride), want, 1e-6)


def torch_orders(operator, x, w, c):
    """The same quantities as `all_orders`, in float64 by PyTorch's double backward."""
    x, w, c = (
        torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True) for a in (x, w, c)
    )
    y = operator(x.permute(0, 3, 1, 2), w).permute(0, 2, 3, 1)
    dx, dw = torch.autograd.grad(y, (x, w), c, create_graph=True)
    a, b = (
        torch.tensor(np.asarray(normal(i, *d.shape)), dtype=torch.float64)
        for i, d in ((8, dx), (9, dw))
    )
    second = torch.autograd.grad((dx * a).sum() + (dw * b).sum(), (x, w, c))
    return jax.tree.map(
        lambda t: jnp.asarray(t.detach().numpy(), jnp.float32), ((y, (dx, dw)), second)
    )


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 1, 1)])
def test_conv_equals_torch_at_every_order(kernel, stride, padding):
    x, w = normal(1, 3, 9, 8, 4), normal(2, kernel, kernel, 4, 5)
    operator = lambda x, w: conv(x, w, stride, padding)  # noqa: E731
    c = normal(3, *operator(x, w).shape)
    want = torch_orders(
        lambda x, w: torch.nn.functional.conv2d(x, w.permute(3, 2, 0, 1), None, stride, padding),
        *(x, w, c),
    )
    assert_close(all_orders(operator, x, w, c), want, 2e-6)


@pytest.mark.parametrize("output", [(15, 15), (15, 16)])
def test_conv_transpose_equals_torch_at_every_order(output):
    g, w = normal(1, 3, 8, 8, 5), normal(2, 3, 3, 4, 5)
    operator = lambda g, w: conv_transpose(g, w, 2, 1, output)  # noqa: E731
    c = normal(3, *operator(g, w).shape)
    extra = tuple(n - 15 for n in output)
    want = torch_orders(
        lambda g, w: torch.nn.functional.conv_transpose2d(
            g, w.permute(3, 2, 0, 1), None, 2, 1, extra
        ),
        *(g, w, c),
    )
    assert_close(all_orders(operator, g, w, c), want, 2e-6)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(5, 11), st.integers(5, 11)),
    padding=st.one_of(st.sampled_from(["SAME", "VALID"]), st.integers(0, 5)),
)
def test_the_three_operators_are_adjoint(kernel, strides, size, padding):
    with jax.enable_x64(True):
        x = normal(1, 2, *size, 3, dtype=jnp.float64)
        w = normal(2, *kernel, 3, 2, dtype=jnp.float64)

        @jax.jit
        def forms(x, w):
            y = conv(x, w, strides, padding)
            g = normal(3, *y.shape, dtype=jnp.float64)
            back = conv_transpose(g, w, strides, padding, size)
            kernel_gradient = conv_kernel_gradient(x, g, kernel, strides, padding)
            return jnp.vdot(y, g), jnp.vdot(x, back), jnp.vdot(w, kernel_gradient)

        want, *others = forms(x, w)
        np.testing.assert_allclose(others, [want, want], atol=1e-10)


def convolutions(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation
        for sub in jax.extend.core.jaxprs_in_params(equation.params):
            yield from convolutions(sub)


def test_no_derivative_leaves_the_family():
    """What makes stock slow: a base-dilated window of the image's size, or dimensions swapped."""

    def total(w, x, implementation):
        h = conv(x, w, 2, implementation=implementation)
        return conv_transpose(jnp.tanh(h), w, 2, implementation=implementation).sum()

    def penalty(w, x, implementation):
        return jnp.sum(jax.grad(total, argnums=1)(w, x, implementation) ** 2)

    def is_slow(equation):
        numbers = equation.params["dimension_numbers"]
        canonical = numbers.lhs_spec == (0, 3, 1, 2) and numbers.rhs_spec == (3, 2, 0, 1)
        dilated = max(equation.params["lhs_dilation"]) > 1
        return not canonical or (dilated and max(equation.invars[1].aval.shape[:2]) > 4)

    x, w = normal(1, 2, 16, 16, 3), normal(2, 4, 4, 3, 5)
    for implementation, slow in (("canonical", False), ("stock", True)):
        jaxpr = jax.make_jaxpr(jax.grad(penalty), static_argnums=2)(w, x, implementation)
        found = list(convolutions(jaxpr.jaxpr))
        assert len(found) >= 8
        assert any(map(is_slow, found)) == slow


def critic(w, x):
    return conv_transpose(jnp.tanh(conv(x, w, 2)), w, 2, "SAME", x.shape[1:3])


def plain(w, x):
    return jnp.mean(critic(w, x) ** 2)


def penalized(w, x):
    return jnp.mean(jax.grad(lambda x: critic(w, x).sum())(x) ** 2)


def test_vmap_over_seeds_or_images_and_scan():
    x, ws = normal(1, 2, 7, 8, 3), normal(2, 3, 4, 4, 3, 5)
    gradient = jax.jit(jax.grad(penalized))
    want = jnp.stack([gradient(w, x) for w in ws])

    @jax.jit
    def batched(ws, x):
        xs = jnp.stack([x] * 3)
        over_weights = (
            jax.vmap(gradient, (0, None))(ws, x),
            jax.vmap(gradient)(ws, xs),
            jax.vmap(jax.vmap(gradient))(ws[:, None], xs[:, None])[:, 0],
            jax.lax.map(lambda w: gradient(w, x), ws),
            jax.grad(lambda ws: jax.vmap(penalized)(ws, xs).sum())(ws),
        )
        return over_weights, jax.vmap(gradient, (None, 0))(ws[0], xs)

    over_weights, over_images = batched(ws, x)
    for got in over_weights:
        assert_close(got, want, 1e-5)
    assert_close(over_images, jnp.stack([want[0]] * 3), 1e-5)


def test_many_seeds_on_a_cpu_are_a_loop_and_not_grouped_convolutions():
    xs, ws = normal(1, 3, 2, 7, 8, 3), normal(2, 3, 4, 4, 3, 5)
    compiled = jax.jit(jax.vmap(jax.grad(penalized))).lower(ws, xs).compile()
    assert "feature_group_count" not in compiled.as_text()


@pytest.mark.parametrize("loss", [pytest.param(plain, marks=pytest.mark.slow), penalized])
def test_gradient_over_four_devices(loss):
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x, w = normal(1, 8, 15, 15, 6), normal(2, 4, 4, 6, 10)
    gradient = jax.grad(loss)
    want = jax.jit(gradient)(w, x)
    sharded = jax.device_put((w, x), (NamedSharding(mesh, P()), NamedSharding(mesh, P("data"))))
    compiled = jax.jit(gradient).lower(*sharded).compile()
    assert_close(compiled(*sharded), want, 1e-6)
    collectives = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
    assert re.findall(rf"({collectives})(?:-start)?[(]", compiled.as_text()) == ["all-reduce"]

    def mean(w, x):
        return jax.lax.pmean(gradient(w, x), "data")

    specs = {"mesh": mesh, "in_specs": (P(), P("data")), "out_specs": P()}
    checked = jax.jit(jax.shard_map(gradient, **specs))(w, x)  # JAX sums over the devices itself
    assert_close(checked / 4, want, 1e-6)
    assert_close(jax.jit(jax.shard_map(mean, check_vma=False, **specs))(w, x), want, 1e-6)
    mapped = jax.pmap(mean, axis_name="data", in_axes=(None, 0), out_axes=None)
    assert_close(mapped(w, x.reshape(4, 2, *x.shape[1:])), want, 1e-6)
    seeds = jax.jit(jax.vmap(gradient, (0, None)))(jnp.stack([w, w]), sharded[1])
    assert_close(seeds, jnp.stack([want, want]), 1e-5)


@pytest.mark.parametrize("layer", [Conv, ConvTranspose])
def test_layers_agree_with_themselves_stock_and_keep_float32_parameters(layer):
    x = normal(1, 2, 7, 8, 3)
    canonical, stock = (layer(5, 4, 2, implementation=i) for i in ("canonical", "stock"))
    variables = jax.jit(canonical.init)(jax.random.key(0), x)
    assert jax.tree.map(lambda a: (a.shape, a.dtype.name), variables) == {
        "params": {"kernel": ((4, 4, 3, 5), "float32"), "bias": ((5,), "float32")}
    }
    assert_close(canonical.apply(variables, x), stock.apply(variables, x), 1e-6)
    low = layer(5, 4, 2, dtype=jnp.bfloat16)
    y, shapes = jax.eval_shape(low.init_with_output, jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16
    assert shapes["params"]["kernel"].dtype == jnp.float32
    y = jax.eval_shape(layer(5, 4, 2).apply, variables, x.astype(jnp.bfloat16))
    assert y.dtype == jnp.float32


def test_conv_transpose_layer_is_torchs():
    x = normal(1, 2, 5, 6, 3)
    layer = ConvTranspose(4, 4, 2, padding=1)
    kernel, bias = np.asarray(normal(4, 4, 4, 3, 4)), normal(5, 4)
    want = torch.nn.functional.conv_transpose2d(
        torch.tensor(np.asarray(x)).permute(0, 3, 1, 2),
        torch.tensor(kernel).permute(2, 3, 0, 1),
        torch.tensor(np.asarray(bias)),
        stride=2,
        padding=1,
    )
    got = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    assert_close(got, jnp.asarray(want.permute(0, 2, 3, 1).numpy()), 1e-6)


def test_odd_sizes_go_down_and_up_again():
    x, key = normal(1, 2, 15, 15, 3), jax.random.key(0)
    h = jax.eval_shape(Conv(4, 4, 2).init_with_output, key, x)[0]
    assert h.shape == (2, 8, 8, 4)
    y = jax.eval_shape(ConvTranspose(3, 4, 2, output_size=(15, 15)).init_with_output, key, h)[0]
    assert y.shape == x.shape


X, W = jnp.zeros((2, 8, 8, 3)), jnp.zeros((3, 3, 3, 4))
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("strides", lambda: conv(X, W, 0)),
        ("strides", lambda: conv(X, W, (1, 2, 3))),
        ("strides", lambda: conv(X, W, 1.5)),
        ("padding", lambda: conv(X, W, 1, "REFLECT")),
        ("padding", lambda: conv(X, W, 1, -1)),
        ("padding", lambda: conv(X, W, 1, ((1, 1),))),
        ("padding", lambda: conv(X[:, :2], W, 1, "VALID")),
        ("implementation", lambda: conv(X, W, implementation="fast")),
        ("x and w", lambda: conv(X, W[:, :, :2])),
        ("w", lambda: conv(X, W[0])),
        ("g and w", lambda: conv_transpose(X, W)),
        ("output_size", lambda: conv_transpose(X, W.swapaxes(2, 3), 2, "SAME", (14, 16))),
        ("output_size", lambda: conv_transpose(X, W.swapaxes(2, 3), 2, "VALID")),
        ("implementation", lambda: conv_transpose(X, W.swapaxes(2, 3), implementation="fast")),
        ("g", lambda: conv_kernel_gradient(X, X[:, 1:], 3)),
        ("x and g", lambda: conv_kernel_gradient(X, X[1:], 3)),
        ("kernel_size", lambda: conv_kernel_gradient(X, X, 0)),
        ("features", lambda: Conv(0).init(KEY, X)),
        ("kernel_size", lambda: Conv(3, 0).init(KEY, X)),
        ("x", lambda: Conv(3).init(KEY, X[0])),
        ("features", lambda: ConvTranspose(-1).init(KEY, X)),
    ],
)
def test_bad_arguments_are_named(argument, call):
    with pytest.raises(ValueError, match=rf"\b{argument}\b"):
        call()
