"""ProGAN on the 1,797 embedded 8x8 digits: two stages, small enough to watch.

Paper: Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (arXiv:1710.10196).
Command: python -m jaxgan.main --config=experiments/progan_digits.py --workdir=DIR
Expected: readable digits; not yet measured.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' optimizer and loss; 16 thousand images of 4x4, 16 of the fade, then 32."""
    config = digits.base()
    config.batch_size = 32
    config.method.name, config.method.latent_dim = "progan", 32
    config.method.stable_kimg = config.method.fade_kimg = 16.0
    network = {"name": "progan", "width": 256, "max_width": 32}
    config.method.generator, config.method.discriminator = dict(network), dict(network)
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: six steps of 4x4, four of the fade, ten of 8x8."""
    config = smoke(get_config())
    for network in (config.method.generator, config.method.discriminator):
        network.widths = (8, 8)
    config.method.stable_kimg, config.method.fade_kimg = 0.08, 0.08
    return config
