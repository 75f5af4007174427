"""Images in the style of one picture: what is drawn are inputs and outputs; nothing is measured."""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan import config as common

# Brush strokes along a flow, made for this repository.
STROKES = str(Path(__file__).with_name("strokes.png"))


def base(name: str) -> ConfigDict:
    """Pictures of input and output."""
    config = common.default()
    config.data.name, config.sample.n = name, 8
    config.batch_size, config.log.every = 4, 50
    config.sample.every = config.checkpoint.every = 500
    config.method = {}
    return config


def colour(side: int) -> ConfigDict:
    """A folder of images, resized."""
    config = base("folder")
    config.data.image_size, config.data.channels = side, 3
    return config


def johnson(**network: Any) -> dict[str, Any]:
    """The authors' network and optimizer."""
    own = {"width": 32, "residual_blocks": 5, "outer_kernel": 9}
    return {
        "name": "fast_style",
        "generator": {"name": "translator", **own, **network},
        "optimizer": {"name": "adam", "learning_rate": 1e-3},
    }


def falling(steps: int) -> dict[str, Any]:
    """The rate down to a tenth over so many updates."""
    ends = {"init_value": 1.0, "end_value": 0.1}
    return {"name": "linear_schedule", **ends, "transition_steps": steps}


def inception() -> dict[str, Any]:
    """Layers of Inception for relu1_2 to relu4_3 of VGG-16; of relu3_3's size the content's."""
    return {
        "extractor": "inception",
        "content_layers": ("conv_4",),
        "style_layers": ("conv", "conv_2", "conv_4", "mixed_2"),
    }
