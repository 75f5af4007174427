"""DCGAN on MNIST, 28x28.

Paper: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), section 3.
Command: python -m jaxgan.main --config=experiments/dcgan_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The paper's optimizer, networks of half its width."""
    config = mnist.base()
    config.checkpoint.best = "eval/frechet"
    config.method.name = "gan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
