"""A conditional GAN on MNIST: the one-hot label beside the latent and as a map of the image.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_mnist, told the label."""
    config = mnist.base()
    config.steps, config.evaluation.every = 12_000, 3000
    config.method.name = "cgan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
