"""A conditional GAN on MNIST: the one-hot label beside the latent and as a map of the image.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """DCGAN of dcgan_mnist, told the label."""
    config = base.default()
    config.steps = 12_000
    config.data.name = "mnist"
    config.evaluation.every, config.evaluation.extractor = 3000, "domain"
    config.method = ConfigDict(
        {
            "name": "cgan",
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
