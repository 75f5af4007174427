"""Wasserstein GAN with gradient penalty on CIFAR-10, with the 32x32 ResNet.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs" (arXiv:1704.00028), algorithm
1.
Command: python -m jaxgan.main --config=experiments/wgan_gp_cifar10.py --workdir=DIR
Expected: to reach FID 22.29, KID 0.0204 and IS 7.33 with the settings of mimicry (its README: final
checkpoint, 50k against 50k train); not yet reproduced here.
Different: mimicry's D takes the mean over pixels before its last layer, and ours the sum.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Mimicry's settings: Adam 2e-4 to 0, betas 0/.9, lambda 10, batch 64, five D steps."""
    config = cifar10.mimicry()
    config.method.name, config.method.loss = "gan", "wasserstein"
    config.method.techniques = {"gradient_penalty": 10.0}
    config.method.discriminator.weight = "plain"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
