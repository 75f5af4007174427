"""A BiGAN on MNIST, 28x28.

Paper: Donahue et al. 2017, "Adversarial Feature Learning" (arXiv:1605.09782), permutation-invariant
MNIST: there networks of 1024 units with batch norm, latents from a cube, and 400 epochs.
Command: python -m jaxgan.main --config=experiments/bigan_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Two hidden layers in all three, the paper's Adam and its batch."""
    config = mnist.base()
    config.steps, config.batch_size = 20_000, 128
    config.evaluation.every = 5000
    network = {"features": (256, 256)}
    config.method = {"name": "bigan", "latent_dim": 16}
    config.method.generator = {"name": "mlp", "batch_norm": True, **network}
    config.method.encoder = {"name": "mlp", **network}
    config.method.discriminator = {"name": "pair_mlp", **network}
    config.method.optimizer = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
