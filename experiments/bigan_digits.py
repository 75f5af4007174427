"""A BiGAN on the 1,797 embedded 8x8 digits.

Paper: Donahue et al. 2017, "Adversarial Feature Learning" (arXiv:1605.09782).
Command: python -m jaxgan.main --config=experiments/bigan_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Dense networks, and DCGAN's optimizer."""
    config = digits.base()
    network = {"features": (256, 256)}
    config.method = {"name": "bigan", "latent_dim": 16}
    config.method.generator = {"name": "mlp", **network}
    config.method.encoder = {"name": "mlp", **network}
    config.method.discriminator = {"name": "pair_mlp", **network}
    config.method.optimizer = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
