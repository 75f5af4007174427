"""MNIST, 28x28; Fashion-MNIST is the same but for its name."""

from ml_collections import ConfigDict

from jaxgan import config as common


def base() -> ConfigDict:
    """DCGAN's optimizer, and its networks at half their width."""
    config = common.default()
    config.steps = 3000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 1000, "domain"
    config.method = {
        "latent_dim": 100,
        "generator": {"name": "dcgan", "width": 32},
        "discriminator": {"name": "dcgan", "width": 32},
        "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
        "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
    }
    return config
