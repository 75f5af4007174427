"""StyleGAN2 on the embedded digits, 8x8: small enough to watch.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"
(arXiv:1912.04958).
Command: python -m jaxgan.main --config=experiments/stylegan2_digits.py --workdir=DIR
Expected: readable digits; not yet measured.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Two stages, the authors' optimizer, a light R1."""
    config = digits.base()
    config.batch_size = 32
    config.method.name, config.method.latent_dim = "stylegan2", 32
    config.method.r1, config.method.ema_images = 0.1, 5000.0
    config.method.generator = {
        "name": "stylegan2",
        "width": 256,
        "max_width": 32,
        "features": 32,
        "mapping_layers": 2,
    }
    config.method.discriminator = {"name": "stylegan2", "width": 256, "max_width": 32}
    adam = {"name": "adam", "learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
