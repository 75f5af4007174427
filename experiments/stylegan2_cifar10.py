"""StyleGAN2 with ADA on CIFAR-10, class-conditional.

Paper: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data"
(arXiv:2006.06676), appendix C.
Command: python -m jaxgan.main --config=experiments/stylegan2_cifar10.py --workdir=DIR
Expected: to reach FID 2.31 with PyTorch-StudioGAN v0.4, and 3.78 with techniques.augment='none' in
200,000 steps (its benchmark figure: best checkpoint, 50k against 50k train, one run); the paper has
2.42 and 3.49. Not yet reproduced here.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' preset: no mixing, no path length, a plain D, R1 0.01 every 16 steps."""
    config = cifar10.base()
    config.steps, config.data.flip = 1_000_000, True
    config.method.name, config.method.conditional, config.method.latent_dim = "stylegan2", True, 512
    config.method.style_mixing = config.method.path_length = 0.0
    config.method.r1, config.method.ema_decay = 0.01, 0.999
    config.method.ema_images, config.method.ema_ramp = 500_000.0, 0.05
    network = {"name": "stylegan2", "width": 32768, "max_width": 512}
    config.method.generator = {**network, "features": 512, "mapping_layers": 2}
    config.method.discriminator = {**network, "architecture": "orig", "minibatch_stddev": 32}
    adam = {"name": "adam", "learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.method.g_optimizer, config.method.d_optimizer = dict(adam), dict(adam)
    config.method.techniques = {"augment": "ada"}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.method.discriminator.minibatch_stddev = 4
    return config
