"""A projection discriminator and conditional batch norm on MNIST.

Paper: Miyato and Koyama 2018, "cGANs with Projection Discriminator" (arXiv:1802.05637), eq. 3.
Command: python -m jaxgan.main --config=experiments/projection_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The paper's hinge loss and spectral norm; DCGAN's networks."""
    config = base.default()
    config.steps = 12_000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 3000, "domain"
    config.method = ConfigDict(
        {
            "name": "cgan",
            "latent_dim": 100,
            "loss": "hinge",
            "generator": {"name": "dcgan", "width": 32, "conditioning": "projection"},
            "discriminator": {
                "name": "dcgan",
                "width": 32,
                "conditioning": "projection",
                "normalization": "none",
                "weight": "spectral",
            },
            "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
            "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.generator.width = config.method.discriminator.width = 8
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.evaluation.extractor = "none"
    config.sample.n = 16
    return config
