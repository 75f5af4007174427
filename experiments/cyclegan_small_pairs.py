"""CycleGAN on 64x64 pairs in a folder, shuffled apart, at a size for two processor cores.

Paper: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (arXiv:1703.10593).
Command: python -m jaxgan.main --config=experiments/cyclegan_small_pairs.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
Different: a quarter of the width, few steps, flips, averaged weights; generators that add to their
input and double by nearest pixels, and no identity term, which would hold them there.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """A quarter of the width, three residual blocks, patches of 34; pairs are there to measure."""
    config = pairs.base("pairs")
    config.data.image_size, config.data.channels, config.data.flip = 64, 3, True
    config.steps, config.batch_size = 8000, 1
    config.method = {"name": "cyclegan", **pairs.cyclegan()}
    config.method.optimizer.schedule = pairs.falling(config.steps)
    config.method.update({"ema_decay": 0.999, "cycle": 5.0, "identity": 0.0})
    config.method.generator.update({"width": 16, "residual_blocks": 3})
    config.method.generator.update({"residual": True, "upsample": "nearest"})
    config.method.discriminator.update({"width": 16, "layers": 2})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
