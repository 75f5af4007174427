"""A perfect generator against a linear discriminator that sees few images; made in 2026 for a test.

The data are noise, and so are the samples: whatever the discriminator finds in its training images,
it has learnt by heart.
"""

import dataclasses

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.player import OptState
from jaxgan.state import Net, State


@dataclasses.dataclass(frozen=True)
class PerfectGenerator:
    """Attributes:
    rate: the discriminator's.
    """

    rate: float = 0.05
    axis_name: str | None = None

    def init(self, key, batch):
        """A discriminator that knows nothing; the generator keeps the shape only."""
        image = batch["image"][0]

        def net(value):
            return Net({"x": value}, {}, OptState({}, jnp.ones(())))

        nets = {"d": net(jnp.zeros(image.size)), "g": net(jnp.zeros(image.shape))}
        return State(jnp.zeros((), jnp.int32), nets, {})

    def scores(self, state, images):
        """Linear logits."""
        return images.reshape(len(images), -1) @ state.nets["d"].params["x"]

    def step(self, state, batch, key):
        """Logistic regression of training images against fresh noise."""
        d, real = state.nets["d"], batch["image"]
        fake = self.sample(state, key, len(real))

        def loss(params):
            now = dataclasses.replace(state, nets={"d": dataclasses.replace(d, params=params)})
            right = jnp.concatenate([self.scores(now, real), -self.scores(now, fake)])
            return -jnp.mean(jax.nn.log_sigmoid(right))

        value, grads = jax.value_and_grad(loss)(d.params)
        params = jax.tree.map(lambda p, g: p - self.rate * g, d.params, grads)
        nets = {**state.nets, "d": dataclasses.replace(d, params=params)}
        return State(state.step + 1, nets, {}), {"d/loss": value}

    def sample(self, state, key, n):
        """Noise, as the data are."""
        return jax.random.uniform(key, (n, *state.nets["g"].params["x"].shape), minval=-1.0)


def get_config() -> ConfigDict:
    """On an .npz of noise."""
    config = base.default()
    config.data.name, config.steps, config.batch_size = "npz", 400, 16
    config.log.every, config.sample.every, config.checkpoint.every = 100, 0, 0
    config.evaluation.every, config.evaluation.n = 400, 16
    config.method = ConfigDict({"name": "perfect_generator", "rate": 0.05})
    return config


get_smoke_config = get_config
