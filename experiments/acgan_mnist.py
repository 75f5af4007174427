"""A GAN with an auxiliary classifier on MNIST.

Paper: Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs"
(arXiv:1610.09585), eq. 2 and 3.
Command: python -m jaxgan.main --config=experiments/acgan_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_mnist, with a classifier in D."""
    config = mnist.base()
    config.steps, config.evaluation.every = 12_000, 3000
    config.method.name = "acgan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
