"""R3GAN's road-map, configuration D, on CIFAR-10: C with residual networks.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), section 3; the authors' code has E alone, and the steps to it are as read here.
Command: python -m jaxgan.main --config=experiments/roadmap_d_cifar10.py --workdir=DIR
Expected: better than C; not yet measured here.
"""

from ml_collections import ConfigDict

import r3gan_cifar10 as before
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Bottlenecks of a quarter of the width, whose convolutions have one group."""
    config = before.get_config()
    for network in (config.method.generator, config.method.discriminator):
        network.expansion, network.groups = 0.25, (1, 1, 1, 1)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
