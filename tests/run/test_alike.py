"""One function of several that differ in numbers: against each of them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.run import alike

NUMBERS = (0.5, 2.0, -3.0)


def plain(number, x):
    return {"a": x * number, "b": (number, x.sum() / 2)}


def jitted(number, x):
    return jax.jit(lambda y: jnp.where(y > number, y, number * y))(x) + 1


def branching(number, x):
    return jax.lax.cond(x.sum() > number, lambda y: y * number, lambda y: y - 1, x)


def scanned(number, x):
    def body(carry, row):
        return carry * number + row, carry + number

    return jax.lax.scan(body, jnp.zeros(()), x)


def backwards(number, x):
    return jax.lax.scan(lambda c, row: (c * number + row, c), 0.0, x, reverse=True)


def looped(number, x):
    state = jax.lax.while_loop(
        lambda s: s[0] < 9 + number, lambda s: (s[0] + 1, s[1] * number), (0.0, x)
    )
    return jax.lax.fori_loop(0, 3, lambda i, y: y + i * number, state[1])


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, None), lambda _, g: (3 * g,))


def with_a_rule(number, x):
    return jax.nn.relu(doubled(x) - number) + jax.grad(lambda y: (number * doubled(y)).sum())(x)


def remade(number, x):
    return jax.grad(lambda y: jax.checkpoint(lambda z: jnp.sin(z * number).sum())(y))(x)


def constant(number, x):
    return x + jnp.asarray(np.full(3, number, np.float32)) @ jnp.eye(3)


def taken(number, x):
    return x.at[jnp.arange(2)].get(mode="fill", fill_value=jnp.nan) * number


def powers(number, x):
    return jnp.abs(x) ** (number / 7)


@pytest.mark.parametrize(
    "function",
    [
        plain,
        jitted,
        branching,
        scanned,
        backwards,
        looped,
        with_a_rule,
        remade,
        constant,
        taken,
        powers,
    ],
)
def test_it_is_each_of_them(function):
    x = jnp.array([0.3, -1.0, 2.0])
    merged = alike.merge([partial(function, number) for number in NUMBERS])
    which = jnp.arange(len(NUMBERS))
    rows = jax.jit(jax.vmap(merged, (0, None)))(which, x)
    for i, number in enumerate(NUMBERS):
        expected = function(number, x)
        jax.tree.map(
            lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-6), rows, expected
        )


def test_numbers_that_are_equal_stay_constants():
    functions = [partial(plain, 0.5), partial(plain, 0.5), partial(plain, 0.7)]
    merged = [alike.merge(each) for each in (functions[:2], functions)]
    same, other = (str(jax.make_jaxpr(each)(0, jnp.ones(3))) for each in merged)
    assert "dynamic_slice" not in same
    assert other.count("dynamic_slice[") == 2  # of the product, and of what is returned


def steps(n, x):
    for _ in range(n):
        x = jnp.sin(x)
    return x


def total(n, x):
    return x + jnp.asarray(np.arange(float(n))).sum()


def noise(key, x):
    return x + jax.random.normal(key, (3,))


@pytest.mark.parametrize(
    ("functions", "told"),
    [
        ([jnp.sin, jnp.cos], "operation: sin and cos"),
        ([partial(steps, 2), partial(steps, 3)], "number of operations: 2 and 3"),
        ([lambda x: (x,), lambda x: [x]], "what they return"),
        ([lambda x: x**2, lambda x: x**3], "y of integer_pow: 2 and 3"),
        ([lambda x: x + x, lambda x: x + 1], "input: False and True"),
        ([lambda x: x[0] - x[1], lambda x: x[1] - x[0]], "."),
        ([lambda x: jnp.sin(x) - x, lambda x: x - jnp.sin(x)], "input: "),
        ([lambda x: x.reshape(3, 1), lambda x: x.reshape(1, 3)], "shape of reshape"),
        ([lambda x: jax.lax.cumsum(x), lambda x: jax.lax.cumsum(x, reverse=True)], "reverse of"),
        ([lambda x: x, lambda x: x + np.ones(3)], "."),
        ([lambda x: x + np.arange(3.0), lambda x: x + np.ones(())], "."),
        ([partial(total, 2), partial(total, 3)], "shape of a constant"),
        ([partial(noise, jax.random.key(1)), partial(noise, jax.random.key(2))], "key: "),
    ],
)
def test_what_differs_in_more_than_numbers(functions, told):
    with pytest.raises(alike.DifferentError, match=told):
        jax.eval_shape(alike.merge(functions), 0, jnp.ones(3))


def test_it_differs_in_what_it_draws_with():
    def drawn(seed, x):
        return x + jax.random.normal(jax.random.key(seed), (3,))

    merged = alike.merge([partial(drawn, 1), partial(drawn, 2)])
    for i, seed in enumerate((1, 2)):
        expected = drawn(seed, jnp.ones(3))
        np.testing.assert_array_equal(merged(jnp.asarray(i), jnp.ones(3)), expected)
