"""A player's optimizer, as new."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.learning.player import Player
from tests.conftest import same_bits

X = jnp.ones((2, 3))


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(1)(x)


def test_an_optimizer_is_as_new_where_that_is_due_and_its_schedule_goes_on():
    falling = optax.linear_schedule(0.1, 0.0, 10)
    player = Player(Linear(), optax.chain(optax.clip(1.0), optax.adam(falling)))
    net = player.init(jax.random.key(0), X)
    for _ in range(3):
        net, _ = player.update(net, jax.tree.map(jnp.ones_like, net.params), {})
    net = net.replace(opt_state=net.opt_state.replace(factor=jnp.float32(0.5)))
    left, renewed = (jax.jit(player.restart)(net, jnp.bool(due)) for due in (False, True))
    assert same_bits(left, net)
    adam, schedule = renewed.opt_state.inner[1]
    assert (adam.count, schedule.count, renewed.opt_state.factor) == (0, 3, 0.5)
    assert not any(map(np.any, jax.tree.leaves((adam.mu, adam.nu))))
    assert same_bits(renewed.params, net.params)
