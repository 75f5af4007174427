"""ProGAN on CIFAR-10, with the authors' settings.

Paper: Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (arXiv:1710.10196), section 6.5.
Command: python -m jaxgan.main --config=experiments/progan_cifar10.py --workdir=DIR
Expected: to reach an Inception score of 8.80 (the paper's best run; 8.56 is the mean of ten); not
yet reproduced here.
Different: batches of 64 in all stages; the authors have 128 up to 16x16.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Adam 1e-3, betas 0/.99; 600 thousand images a stage and as many a fade, 12 million in all."""
    config = cifar10.base()
    config.steps = 187_500
    config.method.name, config.method.latent_dim = "progan", 512
    config.method.ema_decay = 0.999
    network = {"name": "progan", "width": 16384, "max_width": 512}
    config.method.generator, config.method.discriminator = dict(network), dict(network)
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: every stage in twenty steps."""
    config = smoke(get_config())
    for network in (config.method.generator, config.method.discriminator):
        network.widths = (8, 8, 8, 8)
    config.method.stable_kimg = config.method.fade_kimg = 0.04
    return config
