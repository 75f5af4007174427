"""A conditional GAN on CIFAR-10: the one-hot label beside both players' inputs.

Paper: Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), eq. 2.
Command: python -m jaxgan.main --config=experiments/cgan_cifar10.py --workdir=DIR
Expected: to reach FID 25.50 (class-conditional) with the settings of xyfJASON/gans-pytorch (its
table: simple CNN, 40,000 G steps, 50k against 50k train); not yet reproduced here.
Different: D gets the label as one channel through a dense layer, ten constant channels there.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """That code's settings: Adam 8e-4, betas .5/.999, five D steps, batch 512, 40,000 G steps."""
    config = base.default()
    config.steps, config.batch_size = 40_000, 512
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 4000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "cgan",
            "latent_dim": 100,
            "n_critic": 5,
            "ema_decay": 0.0,
            "generator": {
                "name": "dcgan",
                "width": 256,
                "max_width": 1024,
                "conditioning": "concat",
            },
            "discriminator": {
                "name": "dcgan",
                "width": 256,
                "max_width": 1024,
                "conditioning": "concat",
            },
            "g_optimizer": {"name": "adam", "learning_rate": 8e-4, "b1": 0.5},
            "d_optimizer": {"name": "adam", "learning_rate": 8e-4, "b1": 0.5},
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
