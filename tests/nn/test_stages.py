"""Networks that are worked out once more for their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params

from jaxgan import networks
from jaxgan.learning.player import Player
from jaxgan.nn.stages import rematerialized, stage

KEY = jax.random.key(0)
SHAPE, CLASSES, Z = (8, 8, 1), 3, 6
STYLED = {"width": 32, "max_width": 4}
# Of the generator and of the discriminator, small.
NETWORKS = {
    "r3gan": ({"widths": (8, 8), "groups": (2, 2), "blocks": (1, 1)},) * 2,
    "stylegan2": (
        {**STYLED, "features": 4, "mapping_layers": 1},
        {**STYLED, "minibatch_stddev": 2},
    ),
    "progan": ({"widths": (6, 4)},) * 2,
    "gat": ({"depth": 4, "width": 16, "attention_heads": 2},) * 2,
}


def products(jaxpr):
    """How many there are, with kernels or matrices, in all that is called."""
    inner = (sub for eqn in jaxpr.eqns for sub in jaxprs_in_params(eqn.params))
    names = ("conv_general_dilated", "dot_general")
    own = sum(eqn.primitive.name in names for eqn in jaxpr.eqns)
    return own + sum(map(products, inner))


# The others in the slow suite: what is marked as a stage is the same in all.
QUICK = ("progan-generator", "r3gan-discriminator")
CASES = [(name, role) for name in NETWORKS for role in ("generator", "discriminator")]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        pytest.param(*case, marks=() if "-".join(case) in QUICK else pytest.mark.slow)
        for case in CASES
    ],
)
def test_gradients_are_those_of_the_network(name, role):
    fields = {"name": name, **NETWORKS[name][role == "discriminator"]}
    given = {"shape": SHAPE} if role == "generator" else {}
    module = networks.build(role, fields, axis_name=None, precision="float32", **given)
    x = jax.random.normal(KEY, (4, Z) if role == "generator" else (4, *SHAPE))
    plain = Player(module, optax.sgd(0.1))
    less = Player(module, optax.sgd(0.1), rematerialize=True)
    net = jax.jit(plain.init)(KEY, x)

    def grad(player):
        def loss(params, x):
            out, _ = player.apply(params, net.stats, x, train=True)
            return jnp.sum(jnp.square(out if role == "generator" else out.logits))

        return jax.grad(loss, (0, 1))

    expected, found = (jax.jit(grad(player))(net.params, x) for player in (plain, less))
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * (1 + np.abs(a).max()))
    once, twice = (
        products(jax.make_jaxpr(grad(player))(net.params, x).jaxpr) for player in (plain, less)
    )
    assert once < twice <= 1.5 * once + 2, "each once more, and not more often"


def test_each_stage_is_worked_out_again_by_itself():
    """With one checkpoint for all, XLA may keep the inner values of all stages at once."""

    def loss(function):
        def squares(weights, x):
            return jnp.sum(jnp.square(function(weights, x)["out"]))

        return jax.grad(squares)

    def network(weights, x):
        skip = x
        for w, v in weights:
            x = stage(x + jnp.tanh(x @ w) @ v)
        return {"out": x * skip, "number": 1.0}

    weights = [(jnp.eye(4, 8) * k, jnp.eye(8, 4)) for k in (1.0, 2.0, 3.0)]
    x = jnp.linspace(-1, 1, 8).reshape(2, 4)
    found = jax.make_jaxpr(loss(rematerialized(network)))(weights, x)
    again = [eqn for eqn in found.jaxpr.eqns if eqn.primitive.name in ("checkpoint", "remat2")]
    assert len(again) == 4, "three stages, and what comes after the last"
    for a, b in zip(
        jax.tree.leaves(loss(network)(weights, x)),
        jax.tree.leaves(loss(rematerialized(network))(weights, x)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
