"""A GAN with an auxiliary classifier on CIFAR-10, 32x32 in colour.

Paper: Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs"
(arXiv:1610.09585), eq. 2 and 3.
Command: python -m jaxgan.main --config=experiments/acgan_cifar10.py --workdir=DIR
Expected: to reach FID 19.92 (class-conditional) with the settings of xyfJASON/gans-pytorch (its
table: simple CNN, 40,000 G steps, 50k against 50k train); not yet reproduced here.
Different: nothing that we know of. StudioGAN v0.4 has FID 33.39, of a ResNet with batch norm in D
and the hinge loss.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """That code's settings: Adam 8e-4, betas .5/.999, five D steps, batch 512, 40,000 G steps."""
    config = cifar10.gans_pytorch()
    config.method.name = "acgan"
    config.method.generator.conditioning = "projection"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
