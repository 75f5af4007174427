"""A perfect generator against a linear discriminator that sees few images; made in 2026 for a test.

The data are noise, and so are the samples: whatever the discriminator finds in its training images,
it has learnt by heart.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.base.method import Method
from jaxgan.base.state import Net, State
from jaxgan.learning.player import OptState


@dataclasses.dataclass(frozen=True)
class PerfectGenerator:
    """Attributes:
    shape: of a sample.
    rate: the discriminator's.
    """

    shape: tuple[int, ...]
    rate: float = 0.05

    def build(self):
        """The method."""
        return Method(self.init, self.step, self.latents, self.generate, scores=self.scores)

    def init(self, key, batch):
        """A discriminator that knows nothing, and a generator with nothing to learn."""

        def net(value):
            return Net({"x": value}, {}, OptState({}, jnp.ones(())))

        nets = {"d": net(jnp.zeros(math.prod(self.shape))), "g": net(jnp.zeros(()))}
        return State(jnp.zeros((), jnp.int32), nets, {})

    def scores(self, state, images):
        """Linear logits."""
        return images.reshape(len(images), -1) @ state.nets["d"].params["x"]

    def step(self, state, batch, key):
        """Logistic regression of training images against fresh noise."""
        d, real = state.nets["d"], batch["image"]
        fake = self.latents(key, len(real))

        def loss(params):
            now = dataclasses.replace(state, nets={"d": dataclasses.replace(d, params=params)})
            right = jnp.concatenate([self.scores(now, real), -self.scores(now, fake)])
            return -jnp.mean(jax.nn.log_sigmoid(right))

        value, grads = jax.value_and_grad(loss)(d.params)
        params = jax.tree.map(lambda p, g: p - self.rate * g, d.params, grads)
        nets = {**state.nets, "d": dataclasses.replace(d, params=params)}
        return State(state.step + 1, nets, {}), {"d/loss": value}

    def latents(self, key, n):
        """Noise, as the data are."""
        return jax.random.uniform(key, (n, *self.shape), minval=-1.0)

    def generate(self, state, latents, *, averaged=True):
        """The noise itself."""
        return latents


def get_config() -> ConfigDict:
    """On an .npz of noise."""
    config = base.default()
    config.data.name, config.steps, config.batch_size = "npz", 400, 16
    config.log.every, config.sample.every, config.checkpoint.every = 100, 0, 0
    config.evaluation.every, config.evaluation.n = 400, 16
    config.method = ConfigDict({"name": "perfect_generator", "rate": 0.05})
    return config


get_smoke_config = get_config
