"""R3GAN on faces, 256x256.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441).
Command: python -m jaxgan.main --config=experiments/r3gan_ffhq256.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: to reach FID 2.75 (the authors' model card); not yet reproduced here. The authors' code
names no last step: this ends where its schedules do.
"""

from ml_collections import ConfigDict

from bases import folder, r3gan
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' preset: batch 256, gamma 150 to 15, p to .3 in 20 million images."""
    config = folder.base(256)
    config.steps, config.batch_size, config.data.flip = 78_125, 256, True
    config.method = {"name": "r3gan", "ema_kimg": 500.0, "augment_end": 0.3}
    network = {"name": "r3gan", "widths": (768, 768, 768, 768, 384, 192, 96)}
    network |= {"groups": (96, 96, 96, 96, 48, 24, 12), "blocks": (2,) * 7}
    config.method.generator, config.method.discriminator = dict(network), dict(network)
    config.method.g_optimizer, config.method.d_optimizer = dict(r3gan.ADAM), dict(r3gan.ADAM)
    config.method.techniques = r3gan.techniques(150.0)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: two stages."""
    config = smoke(get_config())
    config.data.image_size = 8
    for network in (config.method.generator, config.method.discriminator):
        network.widths, network.groups, network.blocks = (8, 8), (2, 2), (1, 1)
    return config
