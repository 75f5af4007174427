"""A generator of one image whose step changes statically at step 7; invented in 2026 for a test."""

import dataclasses

import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.base import draws, parallel
from jaxgan.base.method import Method
from jaxgan.base.state import Net, State
from jaxgan.learning.player import OptState

CHANGE = 7


@dataclasses.dataclass(frozen=True)
class Phased:
    """Attributes:
    shape: of a sample.
    other_metrics: whether the second phase breaks its promise to log what the first one does.
    axis_name: of the devices.
    """

    shape: tuple[int, ...]
    other_metrics: bool = False
    axis_name: str | None = None

    def build(self):
        """The method, that of the first phase."""
        return dataclasses.replace(
            self.phase(False), at=lambda s: (s >= CHANGE, self.phase(s >= CHANGE))
        )

    def phase(self, second):
        """The method in one of its phases."""

        def step(state, batch, key):
            g, x = state.nets["g"], batch["image"]
            keys = draws.sample_keys(key, len(x), self.axis_name)
            noisy = x + 0.1 * draws.normal(keys, x.shape[1:])
            mean = parallel.mean(noisy.mean(axis=0), self.axis_name)
            w = 0.9 * g.params["w"] + 0.1 * (jnp.tanh(mean) if second else mean)
            net = dataclasses.replace(g, params={"w": w})
            metrics = {"g/loss": jnp.mean(w), "g/second": jnp.float32(second)}
            if second and self.other_metrics:
                metrics["g/more"] = jnp.zeros(())
            return State(state.step + 1, {"g": net}, {}), metrics

        def generate(state, latents, *, averaged=True):
            w = state.nets["g"].params["w"]
            return jnp.clip((-w if second else w) + 0.01 * latents, -1, 1)

        return Method(self.init, step, self.latents, generate)

    def init(self, key, batch):
        """A black image."""
        net = Net({"w": jnp.zeros(self.shape)}, {}, OptState({}, jnp.ones(())))
        return State(jnp.zeros((), jnp.int32), {"g": net}, {})

    def latents(self, key, n):
        """Noise."""
        return draws.normal(draws.sample_keys(key, n), self.shape)


def get_config() -> ConfigDict:
    """On the digits."""
    config = base.default()
    config.steps, config.batch_size, config.parallel.devices = 14, 8, 1
    config.log.every, config.sample.every = 1, 0
    config.checkpoint.every, config.checkpoint.keep = 3, 5
    config.method = ConfigDict({"name": "phased"})
    return config


get_smoke_config = get_config
