"""R3GAN on the embedded digits, 8x8: its networks with two stages.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441).
Command: python -m jaxgan.main --config=experiments/r3gan_digits.py --workdir=DIR
Expected: readable digits; not yet measured.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Two narrow stages, Adam without momentum; the schedules end with the run."""
    config = digits.base()
    config.method.name = "r3gan"
    stages = {"name": "r3gan", "widths": (64, 64), "groups": (8, 8), "blocks": (1, 1)}
    config.method.generator, config.method.discriminator = dict(stages), dict(stages)
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.0, "b2": 0.9}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    config.method.techniques = {"r1": 0.5, "r2": 0.5}
    config.method.schedule_kimg = config.steps * config.batch_size / 1000
    config.method.ema_kimg = 5.0
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
