"""BigGAN on ImageNet, 128x128, class-conditional.

Paper: Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(arXiv:1809.11096), table 1.
Command: python -m jaxgan.main --config=experiments/biggan_imagenet128.py --workdir=DIR
  --config.data.data_dir=FOLDER
Expected: to reach FID 8.7 (batch 2,048; as the paper has it), and an Inception Score of 97.35
(TensorFlow's, with these settings; the README of the authors' BigGAN-PyTorch); not yet reproduced
here. A folder in each class.
"""

from ml_collections import ConfigDict

from bases import folder
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """BigGAN-PyTorch's: batch 2,048 in eight parts, Adam 1e-4 and 4e-4, one D step."""
    config = folder.base(128)
    config.steps, config.batch_size, config.accumulate = 150_000, 2048, 8
    config.data.flip = True
    config.method = {"name": "cgan", "loss": "hinge", "latent_dim": 120}
    config.method.ema_decay, config.method.ema_start = 0.9999, 20_000
    shared = {"name": "biggan", "width": 96, "attention": 64}
    config.method.generator = {**shared, "shared": 128, "hierarchical": True}
    config.method.discriminator = dict(shared)
    adam = {"name": "adam", "b1": 0.0, "b2": 0.999, "eps": 1e-6}
    config.method.g_optimizer = {**adam, "learning_rate": 1e-4}
    config.method.d_optimizer = {**adam, "learning_rate": 4e-4}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, of 32 pixels."""
    config = smoke(get_config())
    config.data.image_size, config.accumulate = 32, 1
    for network in (config.method.generator, config.method.discriminator):
        network.attention = 16
    return config
