"""Wasserstein GAN with weight clipping on MNIST.

Paper: Arjovsky et al. 2017, "Wasserstein GAN" (arXiv:1701.07875), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_mnist.py --workdir=DIR
Expected: the critic's loss and the domain Fréchet distance fall together; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Algorithm 1's settings: RMSprop 5e-5, c = .01, n_critic = 5, batch 64."""
    config = mnist.base()
    config.steps, config.evaluation.every = 10_000, 2000
    config.method.name, config.method.loss = "gan", "wasserstein"
    config.method.n_critic = 5
    config.method.techniques = {"weight_clip": 0.01}
    config.method.g_optimizer = {"name": "rmsprop", "learning_rate": 5e-5}
    config.method.d_optimizer = {"name": "rmsprop", "learning_rate": 5e-5}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
