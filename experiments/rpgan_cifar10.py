"""Relativistic pairing with R1 and R2 on CIFAR-10: the loss of R3GAN.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), eq. 2.
Command: python -m jaxgan.main --config=experiments/rpgan_cifar10.py --workdir=DIR
Expected: to reach FID 1.96 (R3GAN, class-conditional, 50k against 50k train; as others quote the
paper), out of reach for these networks; not yet reproduced here.
Different: its networks are grouped-convolution ResNets of width 768 without normalization; its
images are flipped and augmented (probability 0 to .55); gamma falls to .005, beta2 rises from .9
and the average's half-life from 0, all constant here; the code names no last step.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """R3GAN's settings: Adam 2e-4 to 5e-5 in 20 million images, betas 0/.99, batch 512."""
    config = cifar10.base()
    config.batch_size = 512
    config.method.name, config.method.loss = "cgan", "relativistic_pairing"
    config.method.latent_dim = 64
    # A half-life of 5 million images.
    config.method.ema_decay = 0.99993
    config.method.techniques = {"r1": 0.05, "r2": 0.05}
    config.method.generator = {"name": "resnet", "width": 256, "conditioning": "projection"}
    config.method.discriminator = {**config.method.generator, "weight": "plain"}
    falling = {"name": "cosine_decay_schedule", "init_value": 1.0, "alpha": 0.25}
    falling["decay_steps"] = 39_062
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.99, "schedule": falling}
    config.method.g_optimizer = config.method.d_optimizer = adam
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
