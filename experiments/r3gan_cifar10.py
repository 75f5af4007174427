"""R3GAN on CIFAR-10, class-conditional, at full width: configuration E of its road-map.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441).
Command: python -m jaxgan.main --config=experiments/r3gan_cifar10.py --workdir=DIR
Expected: to reach FID 1.96 (50k against 50k train; as others quote the paper); not yet reproduced
here. The authors' code names no last step: this ends where its schedules do.
"""

from ml_collections import ConfigDict

from bases import cifar10, r3gan
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The authors' preset: batch 512, Adam 2e-4 to 5e-5, p to .55 in 20 million images."""
    config = cifar10.base()
    config.batch_size, config.steps, config.data.flip = 512, 39_062, True
    config.method.name, config.method.conditional, config.method.latent_dim = "r3gan", True, 64
    config.method.ema_decay = 0.999
    config.method.generator = config.method.discriminator = {"name": "r3gan"}
    config.method.g_optimizer, config.method.d_optimizer = dict(r3gan.ADAM), dict(r3gan.ADAM)
    config.method.techniques = r3gan.techniques(0.05)
    return config


def get_sweep() -> sweep.Sweep:
    """The road-map from StyleGAN2, A, to this, E."""
    before = {letter: {"experiment": f"roadmap_{letter.lower()}_cifar10.py"} for letter in "ABCD"}
    return sweep.Sweep({**before, "E": {}}, seeds=3, baseline="E")


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
