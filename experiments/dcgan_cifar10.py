"""DCGAN on CIFAR-10, 32x32 in colour.

Paper: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), section 3.
Command: python -m jaxgan.main --config=experiments/dcgan_cifar10.py --workdir=DIR
Expected: FID 48.29 with the settings of PyTorch-StudioGAN v0.4 (its benchmark figure; best
checkpoint, 50k against 50k train), to reach; not yet reproduced here.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, two D steps, 200,000 G steps."""
    config = cifar10.base()
    config.steps = 200_000
    config.method.name = "gan"
    config.method.latent_dim = 100
    config.method.n_critic = 2
    config.method.ema_decay = 0.999
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
