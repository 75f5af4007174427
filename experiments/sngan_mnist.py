"""Spectral normalization and the hinge loss on MNIST, with the standard CNN.

Paper: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
(arXiv:1802.05957), table 3 and eq. 16 and 17.
Command: python -m jaxgan.main --config=experiments/sngan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Setting C of the paper's table 1: Adam 2e-4, betas .5 and .999, one D step; narrower."""
    config = base.default()
    config.steps = 3000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 1000, "domain"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 128,
            "loss": "hinge",
            "generator": {"name": "sncnn", "width": 24},
            "discriminator": {"name": "sncnn", "width": 24},
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
