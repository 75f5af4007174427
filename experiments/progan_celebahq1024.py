"""ProGAN on faces, 4x4 to 1024x1024.

Paper: Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and
Variation" (arXiv:1710.10196), appendix A.
Command: python -m jaxgan.main --config=experiments/progan_celebahq1024.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: to reach FID 7.30 (CelebA-HQ; as later papers quote it); not yet reproduced here.
Different: batches of 64 in all stages; the authors fall from 512 to 16 with the side.
"""

from ml_collections import ConfigDict

from bases import folder
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Adam 1e-3, 1.5e-3 at 1024; 600 thousand images a stage and as many a fade."""
    config = folder.base(1024)
    config.steps, config.batch_size, config.data.flip = 187_500, 64, True
    config.rematerialize = True
    config.method = {"name": "progan", "latent_dim": 512, "ema_decay": 0.999}
    config.method.rates = ((1024, 1.5),)
    network = {"name": "progan", "width": 8192, "max_width": 512}
    config.method.generator, config.method.discriminator = dict(network), dict(network)
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: two stages."""
    config = smoke(get_config())
    config.data.image_size, config.method.rates = 8, ()
    for network in (config.method.generator, config.method.discriminator):
        network.widths = (8, 8)
    config.method.stable_kimg = config.method.fade_kimg = 0.08
    return config
