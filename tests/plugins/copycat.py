"""A generator that has learnt its first batch by heart; invented in 2026 for its test."""

import dataclasses

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.base.method import Method
from jaxgan.base.state import Net, State
from jaxgan.learning.player import OptState


@dataclasses.dataclass(frozen=True)
class Copycat:
    """Attributes:
    shape: of a sample.
    noise: the standard deviation of what it adds to a copy.
    """

    shape: tuple[int, ...]
    noise: float = 0.0

    def build(self):
        """The method."""
        return Method(self.init, self.step, self.latents, self.generate)

    def init(self, key, batch):
        """Nothing learnt yet."""
        net = Net({"known": jnp.zeros(batch["image"].shape)}, {}, OptState({}, jnp.ones(())))
        return State(jnp.zeros((), jnp.int32), {"g": net}, {})

    def step(self, state, batch, key):
        """Learns the batch."""
        net = dataclasses.replace(state.nets["g"], params={"known": batch["image"]})
        return State(state.step + 1, {"g": net}, {}), {"g/loss": jnp.zeros(())}

    def latents(self, key, n):
        """Which sample is copied, and the noise on it."""
        return jnp.arange(n), self.noise * jax.random.normal(key, (n, *self.shape))

    def generate(self, state, latents, *, averaged=True):
        """Copies, with noise."""
        known, (places, noise) = state.nets["g"].params["known"], latents
        return jnp.clip(known[places % len(known)] + noise, -1, 1)


def get_config() -> ConfigDict:
    """On the digits."""
    config = base.default()
    config.steps, config.batch_size = 2, 64
    config.log.every, config.sample.every, config.checkpoint.every = 1, 0, 0
    config.evaluation.every, config.evaluation.n = 2, 60
    config.evaluation.extractor = "domain"
    config.evaluation.metrics = ("frechet", "memorization")
    config.method = ConfigDict({"name": "copycat", "noise": 0.0})
    return config


get_smoke_config = get_config
