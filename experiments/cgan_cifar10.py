"""A conditional GAN on CIFAR-10: the one-hot label beside both players' inputs.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_cifar10.py --workdir=DIR
Expected: to reach FID 25.50 (class-conditional) with the settings of xyfJASON/gans-pytorch (its
table: simple CNN, 40,000 G steps, 50k against 50k train); not yet reproduced here.
Different: D gets the label as one channel through a dense layer, ten constant channels there.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """That code's settings: Adam 8e-4, betas .5/.999, five D steps, batch 512, 40,000 G steps."""
    config = cifar10.gans_pytorch()
    config.method.name = "cgan"
    config.method.generator.conditioning = config.method.discriminator.conditioning = "concat"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
