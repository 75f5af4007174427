"""Images made larger: the images of a folder, reduced as they are read."""

from typing import Any

from ml_collections import ConfigDict

from jaxgan import config as common


def base(name: str, factor: int) -> ConfigDict:
    """Pictures of input, output and target, and the distance to targets."""
    config = common.default()
    config.data.name, config.data.low_resolution, config.sample.n = name, factor, 8
    config.log.every = 100
    config.sample.every = config.checkpoint.every = config.evaluation.every = 500
    config.evaluation.n = 500
    config.method = {"name": "srgan", "adversarial": 0.0, "generator": {"name": "srresnet"}}
    config.method.optimizer = {"name": "adam", "learning_rate": 1e-4}
    return config


def full() -> ConfigDict:
    """The authors' SRResNet, and their training of it."""
    config = base("folder", 4)
    config.data.image_size, config.data.channels, config.data.placement = 96, 3, "stream"
    config.steps, config.batch_size = 1_000_000, 16
    config.sample.every = config.checkpoint.every = config.evaluation.every = 10_000
    return config


def small(network: dict[str, Any]) -> dict[str, Any]:
    """The network at a size for a processor core."""
    few = {"width": 32, "residual_blocks": 6, "outer_kernel": 3}
    return {**network, **few, "normalization": "none"}
