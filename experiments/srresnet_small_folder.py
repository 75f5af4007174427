"""SRResNet, fourfold to 64x64 pixels, of a folder of images, at a size for a processor core.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network" (arXiv:1609.04802), section 2.1.1; by the distance in pixels alone.
Command: python -m jaxgan.main --config=experiments/srresnet_small_folder.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import enlarging
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Half the width, six blocks, kernels of 3, no batch norm; a falling rate."""
    config = enlarging.small()
    config.steps = 1600
    config.method = enlarging.srresnet(**enlarging.SMALL)
    config.method.optimizer.learning_rate = 1e-3
    config.method.optimizer.schedule = {
        "name": "cosine_decay_schedule",
        "init_value": 1.0,
        "decay_steps": config.steps,
    }
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
