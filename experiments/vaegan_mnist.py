"""A VAE-GAN on MNIST, 28x28.

Paper: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric"
(arXiv:1512.09300); there on faces of 64x64, with 128 latents and wider networks.
Command: python -m jaxgan.main --config=experiments/vaegan_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN's convolutions in all three, RMSprop and the batch of the paper."""
    config = mnist.base()
    config.steps, config.batch_size = 2000, 64
    network = {"name": "dcgan", "width": 16}
    config.method = {"name": "vaegan", "latent_dim": 32, "gamma": 0.2}
    for role in ("generator", "encoder", "discriminator"):
        config.method[role] = dict(network)
    config.method.optimizer = {"name": "rmsprop", "learning_rate": 3e-4}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
