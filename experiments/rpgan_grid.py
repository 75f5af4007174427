"""Relativistic pairing with R1 and R2 on the 25 Gaussians of a grid.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), equations 2 and 5; here with small dense networks.
Command: python -m jaxgan.main --config=experiments/rpgan_grid.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import points
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Both penalties weak: the modes are narrow, and D must be steep between them."""
    config = points.small("grid", steps=20_000)
    config.method.name, config.method.loss = "gan", "relativistic_pairing"
    config.method.techniques = {"r1": 0.01, "r2": 0.01}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.method.generator.features = config.method.discriminator.features = (16,)
    config.sample.n = 100
    return config
