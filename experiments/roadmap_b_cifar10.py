"""R3GAN's road-map, configuration B, on CIFAR-10: StyleGAN2 without its tricks.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), section 3; the authors' code has E alone, and the steps to it are as read here.
Command: python -m jaxgan.main --config=experiments/roadmap_b_cifar10.py --workdir=DIR
Expected: worse than A; not yet measured here.
"""

from ml_collections import ConfigDict

import roadmap_c_cifar10 as before
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """No styles, no noise, no mapping: the loss and the penalty are what is left of A."""
    config = before.get_config()
    config.method.loss = "non_saturating"
    config.method.techniques.r2 = 0.0
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
