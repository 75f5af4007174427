"""The minimax game itself on CIFAR-10, 32x32 in colour.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), eq. 1.
Command: python -m jaxgan.main --config=experiments/minimax_cifar10.py --workdir=DIR
Expected: to reach FID 72.7 +- 3.6 (Lucic et al. 2018, "Are GANs Created Equal?",
arXiv:1711.10337: the best of 100 settings, 50 seeds, 100 epochs of batch 64); not yet reproduced
here.
Different: their networks are InfoGAN's and their latents have 64 values, and each setting was drawn
at random; ours are DCGAN's networks and its optimizer.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Their batch and epochs, with DCGAN's optimizer."""
    config = base.default()
    config.steps = 78_125
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 3125
    config.evaluation.every = 15_625
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 64,
            "loss": "minimax",
            "ema_decay": 0.0,
            "generator": {"name": "dcgan", "width": 64},
            "discriminator": {"name": "dcgan", "width": 64},
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
