"""SRResNet, fourfold to 96x96 pixels, of a folder of images, with the authors' settings.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network" (arXiv:1609.04802), section 3.2; by the distance in pixels alone.
Command: python -m jaxgan.main --config=experiments/srresnet_folder96.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import enlarging
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Batch 16, 10^6 steps; of whole images made so small, where theirs are cut out at random."""
    config = enlarging.full()
    config.method = enlarging.srresnet()
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
