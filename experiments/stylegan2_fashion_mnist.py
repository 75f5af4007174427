"""StyleGAN2 on Fashion-MNIST, padded to 32x32: narrow enough for two cores.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"
(arXiv:1912.04958).
Command: python -m jaxgan.main --config=experiments/stylegan2_fashion_mnist.py --workdir=DIR
Expected: see docs/results.md.
Different: an eighth of the authors' width or less, and 168 thousand images, an average of 5;
no mixing, no path length, as in their settings for 32x32 (arXiv:2006.06676, appendix C).
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' optimizer and lazy R1."""
    config = mnist.base()
    config.data.name, config.data.pad = "fashion_mnist", 32
    config.steps, config.batch_size, config.evaluation.every = 10_500, 16, 3500
    config.method.name, config.method.latent_dim = "stylegan2", 64
    config.method.style_mixing = config.method.path_length = 0.0
    config.method.r1, config.method.ema_images = 0.05, 5000.0
    network = {"name": "stylegan2", "width": 512, "max_width": 64}
    config.method.generator = {**network, "features": 64, "mapping_layers": 2}
    config.method.discriminator = {**network, "minibatch_stddev": 4}
    adam = {"name": "adam", "learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
