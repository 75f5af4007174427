"""Wasserstein GAN with gradient penalty on CIFAR-10, with the 32x32 ResNet.

Paper: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs" (arXiv:1704.00028), algorithm
1.
Command: python -m jaxgan.main --config=experiments/wgan_gp_cifar10.py --workdir=DIR
Expected: to reach FID 22.29, KID 0.0204 and IS 7.33 with the settings of mimicry (its README: final
checkpoint, 50k against 50k train); not yet reproduced here.
Different: mimicry's D takes the mean over pixels before its last layer, and ours the sum.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Mimicry's settings: Adam 2e-4 to 0, betas 0/.9, lambda 10, batch 64, five D steps."""
    config = base.default()
    config.steps = 100_000
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.9}
    # A schedule counts the updates of its own network.
    falling = {"name": "linear_schedule", "init_value": 1.0, "end_value": 0.0}
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 128,
            "loss": "wasserstein",
            "n_critic": 5,
            "ema_decay": 0.0,
            "techniques": {"gradient_penalty": 10.0},
            "generator": {"name": "resnet", "width": 256},
            "discriminator": {"name": "resnet", "width": 128, "weight": "plain"},
            "g_optimizer": {**adam, "schedule": {**falling, "transition_steps": 100_000}},
            "d_optimizer": {**adam, "schedule": {**falling, "transition_steps": 500_000}},
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
