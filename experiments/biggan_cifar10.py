"""BigGAN on CIFAR-10, class-conditional, at full width.

Paper: Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(arXiv:1809.11096), appendix B.
Command: python -m jaxgan.main --config=experiments/biggan_cifar10.py --workdir=DIR
Expected: to reach FID 4.16 and IS 9.96 with the settings of PyTorch-StudioGAN v0.4 (its benchmark
figure: best checkpoint, 50k against 50k train, one run); not yet reproduced here.
The authors' own code has another setting for CIFAR-10
(no shared vector, no hierarchy, no attention, N(0, 0.02), batch 50, four D steps, betas 0/.999),
for which it gives no figure.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, five D steps, 100,000 G steps."""
    config = cifar10.base()
    config.data.flip = True
    config.method.name, config.method.loss = "cgan", "hinge"
    config.method.latent_dim, config.method.n_critic = 80, 5
    config.method.ema_decay, config.method.ema_start = 0.9999, 1000
    shared = {"name": "biggan", "width": 96, "attention": 16}
    config.method.generator = {**shared, "shared": 128, "hierarchical": True}
    config.method.discriminator = dict(shared)
    config.method.g_optimizer.eps = config.method.d_optimizer.eps = 1e-6
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
