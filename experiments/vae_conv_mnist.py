"""A convolutional variational autoencoder on MNIST, 28x28.

Paper: Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114).
Command: python -m jaxgan.main --config=experiments/vae_conv_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN's convolutions under both networks, and Adam."""
    config = mnist.base()
    config.steps, config.batch_size = 5000, 128
    network = {"name": "dcgan", "width": 32}
    config.method = {"name": "vae", "encoder": network}
    config.method.generator = {**network, "output": "linear"}
    config.method.latent_dim = 16
    config.method.optimizer = {"name": "adam", "learning_rate": 1e-3}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
