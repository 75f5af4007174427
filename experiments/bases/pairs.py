"""Images made of images: aligned pairs, or two sets of images that are not paired."""

from typing import Any

from ml_collections import ConfigDict

from jaxgan import config as common

ADAM = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5}


def base(name: str) -> ConfigDict:
    """Pictures of input, output and target, and the distance to targets."""
    config = common.default()
    config.data.name, config.sample.n = name, 8
    config.log.every = 100
    config.sample.every = config.checkpoint.every = config.evaluation.every = 1000
    config.evaluation.n = 149 if name == "digit_edges" else 500
    config.method = {}
    return config


def pix2pix() -> dict[str, Any]:
    """The authors' networks and optimizer."""
    return {
        "generator": {"name": "unet"},
        "discriminator": {"name": "patchgan"},
        "optimizer": dict(ADAM),
    }


def falling(steps: int) -> dict[str, Any]:
    """The rate of the first half of so many updates, and from there to 0."""
    half = {"transition_steps": steps // 2, "transition_begin": steps // 2}
    return {"name": "linear_schedule", "init_value": 1.0, "end_value": 0.0, **half}


def cyclegan() -> dict[str, Any]:
    """The authors' networks and optimizer."""
    return {
        "generator": {"name": "translator"},
        "discriminator": {"name": "patchgan", "normalization": "instance"},
        "optimizer": dict(ADAM),
    }
