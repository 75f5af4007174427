"""A conditional GAN on the 1,797 embedded 8x8 digits.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_digits.py --workdir=DIR
Expected: a row of samples shows the digits 0 to 9 in turn; see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """DCGAN of dcgan_digits, told the label."""
    config = base.default()
    config.steps = 2000
    config.evaluation.every, config.evaluation.n = 1000, 149
    config.method = ConfigDict(
        {
            "name": "cgan",
            "latent_dim": 64,
            "generator": {"name": "dcgan", "width": 64},
            "discriminator": {"name": "dcgan", "width": 64},
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
    config.sample.n = 16
    return config
