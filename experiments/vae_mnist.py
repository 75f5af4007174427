"""A dense variational autoencoder of two latents on MNIST, 28x28.

Paper: Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114).
Command: python -m jaxgan.main --config=experiments/vae_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """256 units each, ReLU, a sigmoid at the end, cross-entropy of grey pixels, and RMSprop."""
    config = mnist.base()
    config.steps, config.batch_size = 23_400, 128
    config.sample.every = config.checkpoint.every = config.evaluation.every = 4680
    network = {"name": "mlp", "features": (256,)}
    config.method = {"name": "vae", "encoder": network}
    config.method.generator = {**network, "output": "linear"}
    config.method.optimizer = {"name": "rmsprop", "learning_rate": 1e-3}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
