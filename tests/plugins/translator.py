"""A linear map of an image's pixels to its target's, or of the mean of either; invented in 2026."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.base import parallel
from jaxgan.base.method import Method
from jaxgan.base.state import Net, State
from jaxgan.learning.player import OptState


@dataclasses.dataclass(frozen=True)
class Translator:
    """Attributes:
    shape: of an image.
    target_shape: of a target.
    rate: of learning.
    apart: entries drawn in orders of their own.
    """

    shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    rate: float = 0.1
    apart: Sequence[str] = ()
    axis_name: str | None = None

    def build(self):
        """The method."""
        functions = self.init, self.step, self.latents, self.generate
        return Method(*functions, entries=("image", "target"), apart=tuple(self.apart))

    def init(self, key, batch):
        """A map to zero, of as many channels as the batch has."""
        weights = {"w": jnp.zeros((batch["image"].shape[-1], batch["target"].shape[-1]))}
        net = Net(weights, {}, OptState({}, jnp.ones(())))
        return State(jnp.zeros((), jnp.int32), {"g": net}, {})

    def step(self, state, batch, key):
        """Gradient descent, and what would tell each entry's batch from any other."""
        net, image, target = state.nets["g"], batch["image"], batch["target"]

        def loss(params):
            mapped = image @ params["w"]
            if self.apart:
                return jnp.mean((mapped.mean() - target.mean()) ** 2)
            return jnp.mean((mapped - target) ** 2)

        value, grads = jax.value_and_grad(loss)(net.params)
        grads = parallel.mean(grads, self.axis_name)
        params = jax.tree.map(lambda p, g: p - self.rate * g, net.params, grads)
        told = {"g/loss": value, "g/image": image.mean(), "g/target": target.mean()}
        nets = {"g": dataclasses.replace(net, params=params)}
        return State(state.step + 1, nets, {}), told

    def latents(self, key, n):
        """Images of noise."""
        return jax.random.uniform(key, (n, *self.shape), minval=-1.0)

    def generate(self, state, latents, *, averaged=True):
        """What they are mapped to."""
        return latents @ state.nets["g"].params["w"]


def get_config() -> ConfigDict:
    """On pairs."""
    config = base.default()
    config.data.name, config.steps, config.batch_size = "pairs", 6, 8
    config.log.every, config.sample.every, config.checkpoint.every = 1, 0, 3
    config.log.tensorboard = False
    config.method = ConfigDict({"name": "translator", "rate": 0.1, "apart": ()})
    return config


get_smoke_config = get_config
