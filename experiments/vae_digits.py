"""A variational autoencoder of two latents on the 1,797 embedded 8x8 digits.

Paper: Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114).
Command: python -m jaxgan.main --config=experiments/vae_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Dense networks, and RMSprop."""
    config = digits.base()
    network = {"name": "mlp", "features": (64,)}
    rmsprop = {"name": "rmsprop", "learning_rate": 1e-3}
    config.method = {"name": "vae", "encoder": network}
    config.method.generator = {**network, "output": "linear"}
    config.method.optimizer = rmsprop
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
