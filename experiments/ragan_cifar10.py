"""Relativistic average GAN on CIFAR-10, with the standard CNN and spectral norm.

Paper: Jolicoeur-Martineau 2018, "The relativistic discriminator: a key element missing from
standard GAN" (arXiv:1807.00734).
Command: python -m jaxgan.main --config=experiments/ragan_cifar10.py --workdir=DIR
Expected: to reach the FID of RaSGAN in the paper's table for CIFAR-10 (the authors' code: 50k
against train), a figure that we have not read and so do not print; not yet reproduced here.
Different: nothing that we know of.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The authors' stable.sh: Adam 2e-4, betas .5/.999, batch 32, one D step, 100,000 steps."""
    config = base.default()
    config.steps, config.batch_size = 100_000, 32
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 128,
            "loss": "relativistic_average",
            "ema_decay": 0.0,
            "generator": {"name": "sncnn", "width": 64},
            "discriminator": {"name": "sncnn", "width": 64, "weight": "spectral"},
            "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
            "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
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
