"""pix2pix on 64x64 pairs in a folder, at a size for two processor cores.

Paper: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"
(arXiv:1611.07004).
Command: python -m jaxgan.main --config=experiments/pix2pix_small_pairs.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
Different: half the width, twelve passes over the pairs, batch 4; flips, no dropout, averaged
weights, and maps doubled by nearest pixels, for plain grounds without a grid.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Six halvings, patches of 34 pixels."""
    config = pairs.base("pairs")
    config.data.image_size, config.data.channels, config.data.flip = 64, 3, True
    config.steps, config.batch_size = 5000, 4
    config.method = {"name": "pix2pix", **pairs.pix2pix()}
    config.method.optimizer.schedule = pairs.falling(config.steps)
    config.method.ema_decay = 0.999
    config.method.generator.update({"width": 32, "depth": 6})
    config.method.generator.update({"upsample": "nearest", "dropout": 0.0})
    config.method.discriminator.update({"width": 32, "layers": 2})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
