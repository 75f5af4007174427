"""pix2pix on 256x256 pairs in a folder, with the authors' settings.

Paper: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"
(arXiv:1611.07004), sections 3 and 6.
Command: python -m jaxgan.main --config=experiments/pix2pix_pairs256.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Batch 1, 200 passes over the 400 images of the facades, the second half with falling rate."""
    config = pairs.base("pairs")
    config.data.image_size, config.data.channels, config.data.flip = 256, 3, True
    config.steps, config.batch_size = 80_000, 1
    config.method = {"name": "pix2pix", **pairs.pix2pix()}
    config.method.optimizer.schedule = pairs.falling(config.steps)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
