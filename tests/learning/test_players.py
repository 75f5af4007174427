"""Several players that one loss trains together."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.learning.player import Player
from jaxgan.learning.players import Players
from tests.conftest import same_bits

X = jax.random.normal(jax.random.key(1), (8, 3))


class Linear(nn.Module):
    normalize: bool = False

    @nn.compact
    def __call__(self, x, *, train):
        y = nn.Dense(3)(x)
        return nn.BatchNorm(use_running_average=not train)(y) if self.normalize else y


def players(normalize=False, accumulate=1):
    names = ("a", "b", "c")
    named = {n: Player(Linear(normalize), optax.sgd(0.5), averaged=n == "a") for n in names}
    return Players(named, accumulate)


def fresh(game):
    return game.init(jax.random.key(0), a=(X,), b=(X,), c=(X,))


def loss(run, x):
    value = jnp.mean((run("c", run("b", run("a", x))) - x) ** 2)
    return value, {"loss": value}


def test_those_that_are_named_move_by_the_gradient_of_the_loss():
    game = players()
    nets = fresh(game)
    moved, metrics = jax.jit(lambda n: game.update(n, ("a", "c"), loss, X))(nets)

    def of(a, c):
        h = X
        for p in (a, nets["b"].params, c):
            h = h @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]
        return jnp.mean((h - X) ** 2)

    value, grads = jax.value_and_grad(of, (0, 1))(nets["a"].params, nets["c"].params)
    assert metrics["loss"] == pytest.approx(value)
    for name, grad in zip(("a", "c"), grads, strict=True):
        assert metrics[f"{name}/grad_norm"] == pytest.approx(optax.tree.norm(grad))
        expected = jax.tree.map(lambda w, g: w - 0.5 * g, nets[name].params, grad)
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6),
            moved[name].params,
            expected,
        )
    assert same_bits(moved["b"], nets["b"])
    assert not same_bits(nets["a"].params, nets["b"].params)


def test_statistics_are_kept_of_those_that_move():
    game = players(normalize=True)
    nets = fresh(game)
    moved, _ = game.update(nets, ("b",), loss, X)
    assert same_bits(moved["a"], nets["a"])
    assert not same_bits(moved["b"].stats, nets["b"].stats)


def test_parts_of_a_batch_give_its_gradient():
    nets = fresh(players())
    whole, parts = (players(accumulate=m).update(nets, ("a", "b"), loss, X) for m in (1, 4))
    for x, y in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_outside_training_it_is_the_average_where_there_is_one():
    game = players()
    nets = fresh(game)
    moved, _ = game.update(nets, ("a", "b"), loss, X)
    assert same_bits(game.apply(moved, "a", X), game.apply(nets, "a", X))
    assert not same_bits(game.apply(moved, "a", X, averaged=False), game.apply(nets, "a", X))
    assert not same_bits(game.apply(moved, "b", X), game.apply(nets, "b", X))


def test_a_name_that_no_player_has_is_refused_with_those_that_they_have():
    game = players()
    nets, told = fresh(game), "no player is called 'd'; they are a, b, c"
    for wrong in (
        lambda: game.init(jax.random.key(0), a=(X,), b=(X,), c=(X,), d=(X,)),
        lambda: game.apply(nets, "d", X),
        lambda: game.update(nets, ["a", "d"], loss, X),
        lambda: game.update(nets, ["a"], lambda run, x: (run("d", x), {}), X),
    ):
        with pytest.raises(ValueError, match=told):
            wrong()
    with pytest.raises(ValueError, match="no inputs for the players b, c"):
        game.init(jax.random.key(0), a=(X,))
