"""Relativistic pairing with R1 and R2 on CIFAR-10: the loss of R3GAN.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), eq. 2.
Command: python -m jaxgan.main --config=experiments/rpgan_cifar10.py --workdir=DIR
Expected: to reach FID 1.96 (R3GAN, class-conditional, 50k against 50k train; as others quote the
paper), out of reach for these networks; not yet reproduced here.
Different: its networks are grouped-convolution ResNets of width 768 without normalization; its
images are flipped and augmented (probability 0 to .55); gamma falls to .005, beta2 rises from .9
and the average's half-life from 0, all constant here; the code names no last step.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """R3GAN's settings: Adam 2e-4 to 5e-5 in 20 million images, betas 0/.99, batch 512."""
    config = base.default()
    config.steps, config.batch_size = 100_000, 512
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    optimizer = {
        "name": "adam",
        "learning_rate": 2e-4,
        "b1": 0.0,
        "b2": 0.99,
        "schedule": {
            "name": "cosine_decay_schedule",
            "init_value": 1.0,
            "decay_steps": 39_062,
            "alpha": 0.25,
        },
    }
    config.method = ConfigDict(
        {
            "name": "cgan",
            "latent_dim": 64,
            "loss": "relativistic_pairing",
            # A half-life of 5 million images.
            "ema_decay": 0.99993,
            "techniques": {"r1": 0.05, "r2": 0.05},
            "generator": {"name": "resnet", "width": 256, "conditioning": "projection"},
            "discriminator": {
                "name": "resnet",
                "width": 256,
                "weight": "plain",
                "conditioning": "projection",
            },
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
