"""R3GAN's loss and schedules on the 25 Gaussians of a grid, with small dense networks.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), equations 2 and 5.
Command: python -m jaxgan.main --config=experiments/r3gan_grid.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import points
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Weak penalties, for narrow modes; the schedules end with the run."""
    config = points.small("grid", steps=20_000)
    config.method.name = "r3gan"
    adam = {"name": "adam", "learning_rate": 2e-3, "b1": 0.5, "b2": 0.9}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    config.method.techniques = {"r1": 0.05, "r2": 0.05}
    config.method.rate_end = 0.02
    config.method.schedule_kimg = config.steps * config.batch_size / 1000
    config.method.ema_kimg = 50.0
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.method.generator.features = config.method.discriminator.features = (16,)
    config.sample.n = 100
    return config
