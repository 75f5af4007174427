"""The style of one picture for 256x256 images of a folder, with the authors' settings.

Paper: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155), section 4.1.
Command: python -m jaxgan.main --config=experiments/fast_style_folder256.py --workdir=DIR
  --config.data.data_dir=FOLDER --config.method.weights=INCEPTION --config.method.style=PICTURE
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import styling
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """40,000 steps of 4 images; layers of Inception for the paper's of VGG-16."""
    config = styling.colour(256)
    config.data.placement, config.steps = "stream", 40_000
    config.sample.every = config.checkpoint.every = 2000
    config.method = {**styling.johnson(), **styling.inception()}
    # VGG-16's maps have sides of 256, 128, 64 and 32; these, of 127, 125, 60 and 29.
    config.method.update({"style": styling.STROKES, "style_size": 256, "style_weight": 1.0})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.evaluation.every = 0
    return config
