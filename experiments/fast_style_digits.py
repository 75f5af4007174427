"""The embedded 8x8 digits in the style of brush strokes.

Paper: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155).
Command: python -m jaxgan.main --config=experiments/fast_style_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import styling
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """In the layers of a classifier of the digits, a picture of 32 pixels in grey."""
    config = styling.base("digits")
    config.steps, config.batch_size = 1000, 16
    config.method = styling.johnson(width=16, residual_blocks=1, outer_kernel=3)
    layers = {"content_layers": ("conv_1",), "style_layers": ("conv_0", "conv_1")}
    config.method.update({"extractor": "domain", **layers})
    config.method.update({"style": styling.STROKES, "style_size": 32, "style_weight": 100.0})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, after those of the classifier."""
    config = smoke(get_config())
    config.evaluation.every = 0
    return config
