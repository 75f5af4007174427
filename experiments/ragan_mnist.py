"""Relativistic average GAN on MNIST.

Paper: Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from
standard GAN" (arXiv:1807.00734).
Command: python -m jaxgan.main --config=experiments/ragan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN's networks and optimizer."""
    config = mnist.base()
    config.method.name, config.method.loss = "gan", "relativistic_average"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
