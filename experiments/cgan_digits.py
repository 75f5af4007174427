"""A conditional GAN on the 1,797 embedded 8x8 digits.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_digits.py --workdir=DIR
Expected: a row of samples shows the digits 0 to 9 in turn; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_digits, told the label."""
    config = digits.base()
    config.method.name = "cgan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
