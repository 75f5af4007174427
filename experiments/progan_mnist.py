"""ProGAN on MNIST, padded to 32x32: four stages, narrow enough for two cores.

Paper: Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (arXiv:1710.10196).
Command: python -m jaxgan.main --config=experiments/progan_mnist.py --workdir=DIR
Expected: digits of which most can be told at once; see docs/results.md.
Different: a 32nd of the authors' width, and a 33rd of their images a stage.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' optimizer and loss; 18 thousand images a stage and as many a fade."""
    config = mnist.base()
    config.data.pad, config.batch_size = 32, 16
    config.steps, config.evaluation.every = 9600, 4800
    config.method.name, config.method.latent_dim = "progan", 64
    config.method.stable_kimg = config.method.fade_kimg = 18.0
    network = {"name": "progan", "width": 512, "max_width": 64}
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
