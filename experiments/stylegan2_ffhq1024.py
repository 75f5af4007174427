"""StyleGAN2 on faces, 1024x1024: configuration F.

Paper: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"
(arXiv:1912.04958), table 1.
Command: python -m jaxgan.main --config=experiments/stylegan2_ffhq1024.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: to reach FID 2.84 (50k against all of FFHQ; as the paper has it); not yet reproduced here.
"""

from ml_collections import ConfigDict

from bases import folder
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' preset paper1024: batch 32, Adam 2e-3, R1 10, 25 million images."""
    config = folder.base(1024)
    config.steps, config.batch_size, config.rematerialize = 781_250, 32, True
    config.data.flip = True
    config.method = {"name": "stylegan2", "ema_images": 10_000.0, "ema_ramp": 0.0, "r1": 10.0}
    network = {"name": "stylegan2", "width": 32768, "max_width": 512}
    config.method.generator = {**network, "features": 512, "mapping_layers": 8}
    config.method.discriminator = {**network, "minibatch_stddev": 4}
    adam = {"name": "adam", "learning_rate": 2e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, of 32 pixels."""
    config = smoke(get_config())
    config.data.image_size = 32
    return config
