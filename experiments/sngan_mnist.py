"""Spectral normalization and the hinge loss on MNIST, with the standard CNN.

Paper: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
(arXiv:1802.05957), table 3 and eq. 16 and 17.
Command: python -m jaxgan.main --config=experiments/sngan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Setting C of the paper's table 1: Adam 2e-4, betas .5 and .999, one D step; narrower."""
    config = mnist.base()
    config.method.name, config.method.loss = "gan", "hinge"
    config.method.latent_dim = 128
    config.method.generator = {"name": "sncnn", "width": 24}
    config.method.discriminator = {"name": "sncnn", "width": 24}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
