"""Wasserstein GAN with weight clipping on CIFAR-10, 32x32 in colour.

Paper: Arjovsky et al. 2017, "Wasserstein GAN" (arXiv:1701.07875), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_cifar10.py --workdir=DIR
Expected: to reach FID 49.92 with the settings of xyfJASON/gans-pytorch (its table: simple CNN,
40,000 G steps, 50k against 50k train); not yet reproduced here.
Different: nothing that we know of. StudioGAN v0.4 has FID 107.68, of a ResNet with batch norm in D
and Adam.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """That code's settings: RMSprop 2e-4, c = .01, five D steps, batch 512, 40,000 G steps."""
    config = cifar10.gans_pytorch()
    config.method.name, config.method.loss = "gan", "wasserstein"
    config.method.techniques = {"weight_clip": 0.01}
    # PyTorch's defaults, which are not Optax's.
    rmsprop = {"name": "rmsprop", "learning_rate": 2e-4, "decay": 0.99, "eps_in_sqrt": False}
    config.method.g_optimizer = config.method.d_optimizer = rmsprop
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
