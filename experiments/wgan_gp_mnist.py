"""Wasserstein GAN with gradient penalty on MNIST.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs"
(arXiv:1704.00028), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_gp_mnist.py --workdir=DIR
Expected: the critic's loss and the domain Fréchet distance fall together; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """Algorithm 1's settings: Adam 1e-4, betas 0 and .9, lambda 10, n_critic 5."""
    config = mnist.base()
    config.steps, config.evaluation.every = 10_000, 2000
    config.method.name, config.method.loss = "gan", "wasserstein"
    config.method.n_critic = 5
    config.method.techniques = {"gradient_penalty": 10.0}
    config.method.discriminator.normalization = "none"
    adam = {"name": "adam", "learning_rate": 1e-4, "b1": 0.0, "b2": 0.9}
    config.method.g_optimizer = config.method.d_optimizer = adam
    return config


def get_sweep() -> sweep.Sweep:
    """Steps of the critic for one of the generator."""
    return sweep.Sweep(sweep.values("method.n_critic", (1, 2, 5)), seeds=3, baseline="n_critic=5")


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
