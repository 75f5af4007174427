"""The minimax game itself on CIFAR-10, 32x32 in colour.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), eq. 1.
Command: python -m jaxgan.main --config=experiments/minimax_cifar10.py --workdir=DIR
Expected: to reach FID 72.7 +- 3.6 (Lucic et al. 2018, "Are GANs Created Equal?",
arXiv:1711.10337: the best of 100 settings, 50 seeds, 100 epochs of batch 64); not yet reproduced
here.
Different: their networks are InfoGAN's and their latents have 64 values, and each setting was drawn
at random; ours are DCGAN's networks and its optimizer.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Their batch and epochs, with DCGAN's optimizer."""
    config = cifar10.base()
    config.steps = 78_125
    config.sample.every = config.checkpoint.every = 3125
    config.evaluation.every = 15_625
    config.method.name, config.method.loss = "gan", "minimax"
    config.method.latent_dim = 64
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
