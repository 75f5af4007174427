"""Least squares GAN on MNIST.

Paper: Mao et al. 2017, "Least Squares Generative Adversarial Networks"
(arXiv:1611.04076), eq. 2 and 9.
Command: python -m jaxgan.main --config=experiments/lsgan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The paper's 0-1 coding, with DCGAN's networks and optimizer."""
    config = base.default()
    config.steps = 3000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 1000, "domain"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 100,
            "loss": "least_squares",
            "generator": {"name": "dcgan", "width": 32},
            "discriminator": {"name": "dcgan", "width": 32},
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
