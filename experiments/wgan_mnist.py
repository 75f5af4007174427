"""Wasserstein GAN with weight clipping on MNIST.

Paper: Arjovsky et al. 2017, "Wasserstein GAN" (arXiv:1701.07875), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_mnist.py --workdir=DIR
Expected: the critic's loss and the domain Fréchet distance fall together; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Algorithm 1's settings: RMSprop 5e-5, c = .01, n_critic = 5, batch 64."""
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
            "techniques": {"weight_clip": 0.01},
            "generator": {"name": "dcgan", "width": 32},
            "discriminator": {"name": "dcgan", "width": 32},
            "g_optimizer": {"name": "rmsprop", "learning_rate": 5e-5},
            "d_optimizer": {"name": "rmsprop", "learning_rate": 5e-5},
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
