"""Spectral normalization on CIFAR-10, with the standard CNN.

Paper: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
(arXiv:1802.05957), table 3 and setting C of table 1.
Command: python -m jaxgan.main --config=experiments/sngan_cifar10.py --workdir=DIR
Expected: to reach FID 23.6 (SN-DCGAN) with the settings of chainer-gan-lib (its README: 50k train
against 10k generated); not yet reproduced here.
Different: its latents are uniform, and its G has batch norm after the dense layer too.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Chainer-gan-lib's settings: Adam 2e-4, betas .5/.999, batch 64, one D step, 100,000 steps."""
    config = cifar10.base()
    config.method.name, config.method.loss = "gan", "non_saturating"
    config.method.generator.name = config.method.discriminator.name = "sncnn"
    config.method.discriminator.weight = "spectral"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
