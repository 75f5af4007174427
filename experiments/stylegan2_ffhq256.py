"""StyleGAN2 on faces, 256x256, with ADA.

Paper: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data"
(arXiv:2006.06676), section 4.
Command: python -m jaxgan.main --config=experiments/stylegan2_ffhq256.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: to reach FID 3.99 (MMGeneration's own training of StyleGAN2 at this size, 50k samples,
without augmentation; its table); not yet reproduced here.
"""

from ml_collections import ConfigDict

from bases import folder
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' preset paper256: batch 64, half the width, Adam 2.5e-3, R1 1."""
    config = folder.base(256)
    config.steps, config.batch_size, config.data.flip = 390_625, 64, True
    config.method = {"name": "stylegan2", "ema_images": 20_000.0, "ema_ramp": 0.0, "r1": 1.0}
    network = {"name": "stylegan2", "width": 16384, "max_width": 512}
    config.method.generator = {**network, "features": 512, "mapping_layers": 8}
    config.method.discriminator = {**network, "minibatch_stddev": 8}
    adam = {"name": "adam", "learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    config.method.techniques = {"augment": "ada"}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, of 32 pixels."""
    config = smoke(get_config())
    config.data.image_size = 32
    return config
