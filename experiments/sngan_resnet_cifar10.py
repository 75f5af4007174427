"""Spectral normalization and the hinge loss on CIFAR-10, with the 32x32 ResNet.

Paper: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
(arXiv:1802.05957), table 4 and eq. 16 and 17.
Command: python -m jaxgan.main --config=experiments/sngan_resnet_cifar10.py --workdir=DIR
Expected: to reach FID 16.77, KID 0.0125 and IS 7.97 with the settings of mimicry (its README: final
checkpoint, 50k against 50k train); not yet reproduced here.
Different: weights start from LeCun's normal, Xavier's uniform there. The paper's own FID is 21.7,
of 10k real images against 5k generated.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Mimicry's settings: Adam 2e-4 to 0, betas 0/.9, batch 64, five D steps, 100,000 G steps."""
    config = cifar10.mimicry()
    config.method.name, config.method.loss = "gan", "hinge"
    config.method.discriminator.weight = "spectral"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
