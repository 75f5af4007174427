"""Wasserstein GAN with weight clipping on CIFAR-10, 32x32 in colour.

Paper: Arjovsky et al. 2017, "Wasserstein GAN" (arXiv:1701.07875), algorithm 1.
Command: python -m jaxgan.main --config=experiments/wgan_cifar10.py --workdir=DIR
Expected: to reach FID 49.92 with the settings of xyfJASON/gans-pytorch (its table: simple CNN,
40,000 G steps, 50k against 50k train); not yet reproduced here.
Different: nothing that we know of. StudioGAN v0.4 has FID 107.68, of a ResNet with batch norm in D
and Adam.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """That code's settings: RMSprop 2e-4, c = .01, five D steps, batch 512, 40,000 G steps."""
    config = base.default()
    config.steps, config.batch_size = 40_000, 512
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 4000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    # PyTorch's defaults, which are not Optax's.
    optimizer = {"name": "rmsprop", "learning_rate": 2e-4, "decay": 0.99, "eps_in_sqrt": False}
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 100,
            "loss": "wasserstein",
            "n_critic": 5,
            "ema_decay": 0.0,
            "techniques": {"weight_clip": 0.01},
            "generator": {"name": "dcgan", "width": 256, "max_width": 1024},
            "discriminator": {"name": "dcgan", "width": 256, "max_width": 1024},
            "g_optimizer": dict(optimizer),
            "d_optimizer": dict(optimizer),
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.generator.width = config.method.discriminator.width = 8
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
