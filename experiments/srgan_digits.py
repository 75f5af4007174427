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
    config.method.generator = enlarging.small(config.method.generator)
    config.method.generator.residual_blocks = 2
    discriminator = {"name": "srresnet", "width": 16, "stages": 2, "features": 64}
    features = {"extractor": "domain", "layers": ("conv_0", "conv_1"), "weight": 0.1}
    config.method.update(
        {
            "adversarial": 1e-3,
            "discriminator": discriminator,
            "features": features,
            "pretrain_steps": 500,
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: both phases, without the classifier that is trained for its features."""
    config = smoke(get_config())
    config.method.update({"pretrain_steps": 10, "features": {"extractor": "none"}})
    return config
