"""A GAN with an auxiliary classifier on the 1,797 embedded 8x8 digits.

Paper: Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs"
(arXiv:1610.09585), eq. 2 and 3.
Command: python -m jaxgan.main --config=experiments/acgan_digits.py --workdir=DIR
Expected: a row of samples shows the digits 0 to 9 in turn; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_digits, with a classifier in D."""
    config = digits.base()
    config.method.name = "acgan"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
