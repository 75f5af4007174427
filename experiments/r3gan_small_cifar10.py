"""R3GAN on CIFAR-10, class-conditional, narrow enough for two cores.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441).
Command: python -m jaxgan.main --config=experiments/r3gan_small_cifar10.py --workdir=DIR
Expected: see docs/results.md.
Different: images of 16x16, a twelfth of the width of `r3gan_cifar10.py`, one block a stage and not
two, penalties at every fourth step, no augmentation, a faster Adam, and schedules that end with 130
thousand images.
"""

from ml_collections import ConfigDict

from bases import cifar10, r3gan
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Both penalties and the schedules of the authors, over the run's own length."""
    config = cifar10.base()
    config.steps, config.batch_size, config.data.flip = 4000, 32, True
    config.data.image_size = 16
    config.log.every, config.sample.every, config.checkpoint.every = 100, 500, 500
    config.evaluation.every, config.checkpoint.best = 4000, ""
    config.method.name, config.method.conditional, config.method.latent_dim = "r3gan", True, 64
    config.method.ema_decay = 0.999
    stages = {"widths": (96, 64, 48), "groups": (12, 8, 6), "blocks": (1, 1, 1)}
    config.method.generator = {"name": "r3gan", **stages}
    config.method.discriminator = {"name": "r3gan", **stages}
    adam = {**r3gan.ADAM, "learning_rate": 6e-4}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    config.method.techniques = {"r1": 0.05, "r2": 0.05, "lazy_interval": 4}
    config.method.schedule_kimg = config.steps * config.batch_size / 1000
    config.method.ema_kimg = 5.0
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
