"""BigGAN on CIFAR-10, class-conditional, narrow enough for two cores.

Paper: Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(arXiv:1809.11096), appendix B.
Command: python -m jaxgan.main --config=experiments/biggan_small_cifar10.py --workdir=DIR
Expected: see docs/results.md.
Different: a sixth of the width of `biggan_cifar10.py`, a quarter of its batch, two D steps and not
five, rates of 4e-4 and a 37th of its G steps. 1,500 steps of 32 are behind.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Shared embedding, hierarchical latent, attention at 16, hinge, an average from step 1,000."""
    config = cifar10.base()
    config.steps, config.batch_size, config.data.flip = 2700, 16, True
    config.log.every, config.sample.every, config.checkpoint.every = 100, 500, 500
    config.evaluation.every, config.checkpoint.best = 2700, ""
    config.method.name, config.method.loss = "cgan", "hinge"
    config.method.latent_dim, config.method.n_critic = 80, 2
    config.method.ema_decay, config.method.ema_start = 0.998, 1000
    shared = {"name": "biggan", "width": 16, "attention": 16}
    config.method.generator = {**shared, "shared": 64, "hierarchical": True}
    config.method.discriminator = dict(shared)
    adam = {"name": "adam", "learning_rate": 4e-4, "b1": 0.5, "b2": 0.999, "eps": 1e-6}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
