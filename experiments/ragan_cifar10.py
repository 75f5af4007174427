"""Relativistic average GAN on CIFAR-10, with the standard CNN and spectral norm.

Paper: Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from
standard GAN" (arXiv:1807.00734).
Command: python -m jaxgan.main --config=experiments/ragan_cifar10.py --workdir=DIR
Expected: to reach the FID of RaSGAN in the paper's table for CIFAR-10 (the authors' code: 50k
against train), a figure that we have not read and so do not print; not yet reproduced here.
Different: nothing that we know of.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' stable.sh: Adam 2e-4, betas .5/.999, batch 32, one D step, 100,000 steps."""
    config = cifar10.base()
    config.batch_size = 32
    config.method.name, config.method.loss = "gan", "relativistic_average"
    config.method.generator.name = config.method.discriminator.name = "sncnn"
    config.method.discriminator.weight = "spectral"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
