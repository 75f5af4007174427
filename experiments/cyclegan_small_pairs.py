"""CycleGAN on 64x64 pairs in a folder, shuffled apart, at a size for two processor cores.

Paper: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (arXiv:1703.10593).
Command: python -m jaxgan.main --config=experiments/cyclegan_small_pairs.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """A quarter of the width, three residual blocks, patches of 34; pairs are there to measure."""
    config = pairs.base("pairs")
    config.data.image_size, config.data.channels = 64, 3
    config.steps, config.batch_size = 8000, 1
    config.method = {"name": "cyclegan", **pairs.cyclegan()}
    config.method.optimizer.schedule = pairs.falling(config.steps)
    config.method.generator.update({"width": 16, "residual_blocks": 3})
    config.method.discriminator.update({"width": 16, "layers": 2})
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
