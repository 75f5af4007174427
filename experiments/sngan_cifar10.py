"""Spectral normalization on CIFAR-10, with the standard CNN.

Paper: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"
(arXiv:1802.05957), table 3 and setting C of table 1.
Command: python -m jaxgan.main --config=experiments/sngan_cifar10.py --workdir=DIR
Expected: to reach FID 23.6 (SN-DCGAN) with the settings of chainer-gan-lib (its README: 50k train
against 10k generated); not yet reproduced here.
Different: its latents are uniform, and its G has batch norm after the dense layer too.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Chainer-gan-lib's settings: Adam 2e-4, betas .5/.999, batch 64, one D step, 100,000 steps."""
    config = base.default()
    config.steps = 100_000
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 128,
            "loss": "non_saturating",
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
