"""The 1,797 embedded 8x8 digits."""

from ml_collections import ConfigDict

from jaxgan import config as common


def base() -> ConfigDict:
    """DCGAN's networks and its optimizer; the test split is small, and all of it is used."""
    config = common.default()
    config.steps = 2000
    config.data.name = "digits"
    config.evaluation.every, config.evaluation.n = 1000, 149
    config.method = {
        "latent_dim": 64,
        "generator": {"name": "dcgan", "width": 64},
        "discriminator": {"name": "dcgan", "width": 64},
        "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
        "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
    }
    return config
