"""CycleGAN on two sets of 256x256 images in a folder, with the authors' settings.

Paper: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks" (arXiv:1703.10593), section 4 and appendix 7.
Command: python -m jaxgan.main --config=experiments/cyclegan_domains256.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import pairs
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Batch 1, 200 passes over the 1,334 images of horse2zebra's larger side; trainA and trainB."""
    config = pairs.base("folder")
    config.data.domains, config.data.flip = ("A", "B"), True
    config.data.image_size, config.data.channels = 256, 3
    config.steps, config.batch_size, config.evaluation.every = 266_800, 1, 0
    config.method = {"name": "cyclegan", **pairs.cyclegan()}
    config.method.optimizer.schedule = pairs.falling(config.steps)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
