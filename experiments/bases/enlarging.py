"""Images made larger: the images of a set, reduced as they are read."""

from typing import Any

from ml_collections import ConfigDict

from jaxgan import config as common

ADAM = {"name": "adam", "learning_rate": 1e-4}
SMALL = {"width": 32, "residual_blocks": 6, "outer_kernel": 3, "normalization": "none"}


def base(name: str, factor: int) -> ConfigDict:
    """Pictures of input, output and target, and the distance to targets."""
    config = common.default()
    config.data.name, config.data.low_resolution, config.sample.n = name, factor, 8
    config.log.every = 100
    config.sample.every = config.checkpoint.every = config.evaluation.every = 500
    config.evaluation.n = 500
    config.method = {}
    return config


def small() -> ConfigDict:
    """Fourfold to 64 pixels, batches of 8, mirrored images too."""
    config = base("folder", 4)
    config.data.image_size, config.data.channels, config.data.flip = 64, 3, True
    config.batch_size = 8
    return config


def full() -> ConfigDict:
    """The authors' training of SRResNet: 10^6 steps of 16 images."""
    config = base("folder", 4)
    config.data.image_size, config.data.channels, config.data.placement = 96, 3, "stream"
    config.steps, config.batch_size = 1_000_000, 16
    config.sample.every = config.checkpoint.every = config.evaluation.every = 10_000
    return config


def srresnet(**network: Any) -> dict[str, Any]:
    """By the distance in pixels alone."""
    return {
        "name": "srgan",
        "adversarial": 0.0,
        "generator": {"name": "srresnet", **network},
        "optimizer": dict(ADAM),
    }


def srgan(pretrain_steps: int, **network: Any) -> dict[str, Any]:
    """As SRResNet at first, and then against a discriminator, too."""
    against = {"adversarial": 1e-3, "discriminator": {"name": "srresnet"}}
    own = {"d_optimizer": dict(ADAM), "pretrain_steps": pretrain_steps}
    return {**srresnet(**network), **against, **own}


def tenth(begin: int, steps: int) -> dict[str, Any]:
    """The rate as it is for so many updates from ``begin`` on, and then a tenth of it."""
    fall = {"decay_rate": 0.1, "staircase": True}
    span = {"transition_begin": begin, "transition_steps": steps}
    return {"name": "exponential_decay", "init_value": 1.0, **fall, **span}
