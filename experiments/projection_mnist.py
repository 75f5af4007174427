"""A projection discriminator and conditional batch norm on MNIST.

Paper: Miyato and Koyama 2018, "cGANs with Projection Discriminator" (arXiv:1802.05637), eq. 3.
Command: python -m jaxgan.main --config=experiments/projection_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The paper's hinge loss and spectral norm; DCGAN's networks."""
    config = mnist.base()
    config.steps, config.evaluation.every = 12_000, 3000
    config.method.name, config.method.loss = "cgan", "hinge"
    config.method.generator.conditioning = config.method.discriminator.conditioning = "projection"
    config.method.discriminator.normalization = "none"
    config.method.discriminator.weight = "spectral"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
