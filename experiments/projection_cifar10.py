"""A projection discriminator and conditional batch norm on CIFAR-10, with the 32x32 ResNet.

Paper: Miyato and Koyama 2018, "cGANs with Projection Discriminator" (arXiv:1802.05637), eq. 3.
Command: python -m jaxgan.main --config=experiments/projection_cifar10.py --workdir=DIR
Expected: to reach FID 10.84, KID 0.0070 and IS 8.25 (class-conditional) with the settings of
mimicry (its README: final checkpoint, 50k against 50k train); not yet reproduced here.
Different: weights start from LeCun's normal, Xavier's uniform there. The paper's own FID is 17.5,
of 10k real images against 5k generated.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Mimicry's settings: Adam 2e-4 to 0, betas 0/.9, batch 64, five D steps, 100,000 G steps."""
    config = cifar10.mimicry()
    config.method.name, config.method.loss = "cgan", "hinge"
    config.method.generator.conditioning = config.method.discriminator.conditioning = "projection"
    config.method.discriminator.weight = "spectral"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
