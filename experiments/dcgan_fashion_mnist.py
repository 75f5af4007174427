"""DCGAN on Fashion-MNIST, 28x28.

Paper: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), section 3.
Command: python -m jaxgan.main --config=experiments/dcgan_fashion_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; not yet measured.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The paper's optimizer, networks of half its width."""
    config = mnist.base()
    config.data.name = "fashion_mnist"
    config.checkpoint.best = "eval/frechet"
    config.method.name = "gan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
