"""Wasserstein GAN with gradient penalty on MNIST.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs"
(arXiv:1704.00028), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_gp_mnist.py --workdir=DIR
Expected: the critic's loss and the domain Fréchet distance fall together; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Algorithm 1's settings: Adam 1e-4, betas 0 and .9, lambda 10, n_critic 5."""
    config = base.default()
    config.steps = 10_000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 2000, "domain"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 100,
            "loss": "wasserstein",
            "n_critic": 5,
            "techniques": {"gradient_penalty": 10.0},
            "generator": {"name": "dcgan", "width": 32},
            "discriminator": {"name": "dcgan", "width": 32, "normalization": "none"},
            "g_optimizer": {"name": "adam", "learning_rate": 1e-4, "b1": 0.0, "b2": 0.9},
            "d_optimizer": {"name": "adam", "learning_rate": 1e-4, "b1": 0.0, "b2": 0.9},
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
