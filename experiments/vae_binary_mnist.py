"""A variational autoencoder on dynamically binarized MNIST, for its likelihood.

Paper: Burda et al. 2016, "Importance Weighted Autoencoders" (arXiv:1509.00519), section 5.
Command: python -m jaxgan.main --config=experiments/vae_binary_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """One stochastic layer of 50, two hidden ones of 200 units; Adam with epsilon 1e-4."""
    config = mnist.base()
    config.steps, config.batch_size, config.evaluation.extractor = 120_000, 100, "none"
    config.sample.every = config.checkpoint.every = config.evaluation.every = 20_000
    config.log.every = 1000
    network = {"name": "mlp", "features": (200, 200)}
    config.method = {"name": "vae", "encoder": network}
    config.method.generator = {**network, "output": "linear"}
    config.method.latent_dim, config.method.binarization = 50, "dynamic"
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.9, "b2": 0.999, "eps": 1e-4}
    config.method.optimizer = adam
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
