"""The Dirac-GAN: one number each, and simultaneous gradient descent runs in circles around zero.

Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?" (arXiv:1801.04406),
definition 2.1 with the Wasserstein loss.
"""

import dataclasses

import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import config as base
from jaxgan.base.method import Method
from jaxgan.base.state import Net, State
from jaxgan.learning.player import OptState


@dataclasses.dataclass(frozen=True)
class DiracGAN:
    """Attributes:
    rate: of learning.
    friction: the weight of a zero-centred gradient penalty, with which it comes to rest.
    """

    rate: float = 0.2
    friction: float = 0.0

    def build(self):
        """The method."""
        return Method(self.init, self.step, self.latents, self.generate)

    def init(self, key, batch):
        """Both away from zero."""

        def net(value):
            return Net({"x": jnp.float32(value)}, {}, OptState({}, jnp.ones(())))

        return State(jnp.zeros((), jnp.int32), {"g": net(1.0), "d": net(0.5)}, {})

    def step(self, state, batch, key):
        """Descent for both at once."""
        g, d = state.nets["g"], state.nets["d"]
        x, slope = g.params["x"], d.params["x"]
        loss = slope * x
        new_d = slope + self.rate * (x - self.friction * slope)
        new_g = x - self.rate * slope
        # Kept on its circle, where the explicit Euler scheme would spiral out.
        scale = 1 / jnp.sqrt(1 + self.rate**2)
        nets = {
            "g": dataclasses.replace(g, params={"x": new_g * scale}),
            "d": dataclasses.replace(d, params={"x": new_d * scale}),
        }
        metrics = {"d/loss": loss, "g/loss": -loss}
        return State(state.step + 1, nets, {}), metrics

    def latents(self, key, n):
        """Nothing to tell samples apart."""
        return jnp.zeros((n, 0))

    def generate(self, state, latents, *, averaged=True):
        """All the same."""
        return jnp.broadcast_to(state.nets["g"].params["x"], (len(latents), 2))


def get_config() -> ConfigDict:
    """On a dataset that it does not look at."""
    config = base.default()
    config.data.name, config.steps, config.batch_size = "ring", 120, 4
    config.log.every, config.sample.every, config.checkpoint.every = 1, 0, 0
    config.method = ConfigDict({"name": "dirac_gan", "rate": 0.2, "friction": 0.0})
    return config


get_smoke_config = get_config
