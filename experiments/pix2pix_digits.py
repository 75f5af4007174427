"""pix2pix on the embedded 8x8 digits: of an outline the digit.

Paper: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"
(arXiv:1611.07004).
Command: python -m jaxgan.main --config=experiments/pix2pix_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Three halvings, and patches of 16 pixels, which is the whole image."""
    config = pairs.base("digit_edges")
    config.steps = 2000
    config.method = {"name": "pix2pix", **pairs.pix2pix()}
    config.method.generator.update({"width": 32, "depth": 3})
    config.method.discriminator.update({"width": 32, "layers": 1})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
