"""SRGAN on the embedded 8x8 digits: of 4x4 pixels the digit.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network" (arXiv:1609.04802).
Command: python -m jaxgan.main --config=experiments/srgan_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import enlarging
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Twofold; a quarter of the steps by the distance in pixels alone, then in features too."""
    config = enlarging.base("digits", 2)
    config.steps = 2000
    network = {**enlarging.SMALL, "residual_blocks": 2}
    layers = {"extractor": "domain", "layers": ("conv_0", "conv_1")}
    config.method = enlarging.srgan(500, **network)
    config.method.update({"features": {**layers, "weight": 0.1}})
    config.method.discriminator.update({"width": 16, "stages": 2, "features": 64})
    return config


def get_smoke_config() -> ConfigDict:
    """Both phases in seconds, without the classifier that is trained for its features."""
    config = smoke(get_config())
    config.method.update({"pretrain_steps": 1, "pixels": 1.0})
    config.method.features.update({"extractor": "none", "layers": ()})
    return config
