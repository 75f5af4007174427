"""Self-attention on CIFAR-10, with the 32x32 ResNet and projection.

Paper: Zhang et al. 2019, "Self-Attention Generative Adversarial Networks" (arXiv:1805.08318), eq. 1
to 3.
Command: python -m jaxgan.main --config=experiments/sagan_cifar10.py --workdir=DIR
Expected: to reach FID 10.35 and IS 8.64 (class-conditional) with the settings of PyTorch-StudioGAN
v0.4 (its benchmark figure: best checkpoint, 50k against 50k train, one run); not yet reproduced
here.
Different: its conditional batch norm is spectrally normalized, its weights orthogonal at the start.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, five D steps, 100,000 G steps."""
    config = cifar10.base()
    config.data.flip = True
    config.method.name, config.method.loss = "cgan", "hinge"
    config.method.n_critic = 5
    shared = {"weight": "spectral", "attention": 16, "conditioning": "projection"}
    config.method.generator = {"name": "resnet", "width": 256, **shared}
    config.method.discriminator = {"name": "resnet", "width": 128, **shared}
    config.method.g_optimizer.eps = config.method.d_optimizer.eps = 1e-6
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
