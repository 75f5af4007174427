"""A conditional GAN on MNIST: the label's vector times the latent and times the image.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_embedding_mnist.py --workdir=DIR
Expected: at least 97 % of the digits are the one asked for; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_mnist, told the label."""
    config = mnist.base()
    config.steps, config.evaluation.every = 20_000, 5000
    config.method.name = "cgan"
    config.method.generator.conditioning = config.method.discriminator.conditioning = "embedding"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
