"""Semi-supervised learning of CIFAR-10, 32x32 in colour, from 4,000 labels.

Paper: Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section
5.2.
Command: python -m jaxgan.main --config=experiments/sgan_cifar10.py --workdir=DIR
Expected: to reach eval/error_semi_supervised of 18.63 % +- 2.32 % (the paper's figure for 4,000
labels, of 10 draws); not yet reproduced here.
Different: the authors' D has nine convolutions with weight norm, dropout and a mean over pixels,
and their latents are uniform; their G matches the mean features by absolute differences.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The authors' settings: Adam 3e-4, betas .5/.999, batch 100, 1,200 epochs."""
    config = base.default()
    config.steps, config.batch_size = 600_000, 100
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 10_000
    optimizer = {
        "name": "adam",
        "learning_rate": 3e-4,
        "b1": 0.5,
        "schedule": {
            "name": "linear_schedule",
            "init_value": 1.0,
            "end_value": 0.0,
            "transition_steps": 200_000,
            "transition_begin": 400_000,
        },
    }
    config.method = ConfigDict(
        {
            "name": "sgan",
            "labels": 4000,
            "generator": {"name": "dcgan", "width": 128, "max_width": 512},
            "discriminator": {"name": "sncnn", "width": 96, "max_width": 192, "weight": "plain"},
            "g_optimizer": dict(optimizer),
            "d_optimizer": dict(optimizer),
            "baseline_every": 4,
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.labels = 50
    config.method.generator.width = config.method.discriminator.width = 8
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.sample.n = 16
    return config
