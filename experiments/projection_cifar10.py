"""A projection discriminator and conditional batch norm on CIFAR-10, with the 32x32 ResNet.

Paper: Miyato and Koyama 2018, "cGANs with Projection Discriminator" (arXiv:1802.05637), eq. 3.
Command: python -m jaxgan.main --config=experiments/projection_cifar10.py --workdir=DIR
Expected: to reach FID 10.84, KID 0.0070 and IS 8.25 (class-conditional) with the settings of
mimicry (its README: final checkpoint, 50k against 50k train); not yet reproduced here.
Different: weights start from LeCun's normal, Xavier's uniform there. The paper's own FID is 17.5,
of 10k real images against 5k generated.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Mimicry's settings: Adam 2e-4 to 0, betas 0/.9, batch 64, five D steps, 100,000 G steps."""
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
            "name": "cgan",
            "latent_dim": 128,
            "loss": "hinge",
            "n_critic": 5,
            "ema_decay": 0.0,
            "generator": {"name": "resnet", "width": 256, "conditioning": "projection"},
            "discriminator": {
                "name": "resnet",
                "width": 128,
                "weight": "spectral",
                "conditioning": "projection",
            },
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
