"""The minimax game itself on MNIST: the generator saturates where it loses.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), eq. 1.
Command: python -m jaxgan.main --config=experiments/minimax_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN's networks and optimizer."""
    config = mnist.base()
    config.method.name, config.method.loss = "gan", "minimax"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
