"""A GAN with an auxiliary classifier on MNIST.

Paper: Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs"
(arXiv:1610.09585), eq. 2 and 3.
Command: python -m jaxgan.main --config=experiments/acgan_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """DCGAN of dcgan_mnist, with a classifier in D."""
    config = base.default()
    config.steps = 12_000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 3000, "domain"
    config.method = ConfigDict(
        {
            "name": "acgan",
            "latent_dim": 100,
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
