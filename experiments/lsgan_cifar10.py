"""Least squares GAN on CIFAR-10, 32x32 in colour.

Paper: Mao et al. 2017, "Least Squares Generative Adversarial Networks" (arXiv:1611.04076), eq. 2
and 9.
Command: python -m jaxgan.main --config=experiments/lsgan_cifar10.py --workdir=DIR
Expected: to reach FID 40.22 and IS 6.55 with the settings of PyTorch-StudioGAN v0.4 (its benchmark
figure: best checkpoint, 50k against 50k train, one run); not yet reproduced here.
Different: StudioGAN's D has seven convolutions and a sum over pixels, ours is DCGAN's; and its
weights are orthogonal at the start.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, two D steps, 200,000 G steps."""
    config = cifar10.studiogan()
    config.data.flip = True
    config.method.name, config.method.loss = "gan", "least_squares"
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
