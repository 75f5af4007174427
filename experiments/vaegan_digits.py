"""A VAE-GAN on the 1,797 embedded 8x8 digits.

Paper: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric"
(arXiv:1512.09300).
Command: python -m jaxgan.main --config=experiments/vaegan_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Dense networks, and RMSprop."""
    config = digits.base()
    network = {"name": "mlp", "features": (64,)}
    config.method = {"name": "vaegan", "latent_dim": 16, "gamma": 0.1}
    for role in ("generator", "encoder", "discriminator"):
        config.method[role] = dict(network)
    config.method.optimizer = {"name": "rmsprop", "learning_rate": 1e-3}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
