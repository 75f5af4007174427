"""The style of one picture for 64x64 images of a folder, at a size for a processor core.

Paper: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155).
Command: python -m jaxgan.main --config=experiments/fast_style_small_folder.py --workdir=DIR
  --config.data.data_dir=FOLDER --config.method.weights=INCEPTION
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import styling
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Brush strokes, or another picture as --config.method.style; half the authors' width."""
    config = styling.colour(64)
    config.steps = 1000
    config.method = {**styling.johnson(width=16), **styling.inception()}
    config.method.update({"style": styling.STROKES, "style_weight": 0.7, "variation": 2e-4})
    config.method.optimizer.schedule = styling.falling(config.steps)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.evaluation.every = 0
    return config
