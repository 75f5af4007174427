"""CycleGAN on the embedded 8x8 digits: outlines and digits, not paired.

Paper: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (arXiv:1703.10593).
Command: python -m jaxgan.main --config=experiments/cyclegan_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """One residual block, and patches of 16 pixels, which is the whole image."""
    config = pairs.base("digit_edges")
    config.steps = 2000
    config.method = {"name": "cyclegan", **pairs.cyclegan()}
    config.method.generator.update({"width": 16, "residual_blocks": 1})
    config.method.discriminator.update({"width": 16, "layers": 1})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
