"""Least squares GAN on MNIST.

Paper: Mao et al. 2017, "Least Squares Generative Adversarial Networks"
(arXiv:1611.04076), eq. 2 and 9.
Command: python -m jaxgan.main --config=experiments/lsgan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The paper's 0-1 coding, with DCGAN's networks and optimizer."""
    config = mnist.base()
    config.method.name, config.method.loss = "gan", "least_squares"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
