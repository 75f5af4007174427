"""R3GAN's road-map, configuration C, on CIFAR-10: B with the loss of R3GAN.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), section 3; the authors' code has E alone, and the steps to it are as read here.
Command: python -m jaxgan.main --config=experiments/roadmap_c_cifar10.py --workdir=DIR
Expected: no worse than B, and more modes; not yet measured here.
"""

from ml_collections import ConfigDict

import r3gan_cifar10 as before
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Plain convolutions without normalization, each sample beside one of the other kind."""
    config = before.get_config()
    plain = {"name": "dcgan", "width": 128, "normalization": "none"}
    config.method.generator, config.method.discriminator = dict(plain), dict(plain)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
