"""SRGAN, fourfold to 64x64 pixels, of a folder of images, at a size for a processor core.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network" (arXiv:1609.04802).
Command: python -m jaxgan.main --config=experiments/srgan_small_folder.py --workdir=DIR
  --config.data.data_dir=FOLDER --config.method.features.weights=INCEPTION
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import enlarging
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """As srresnet_small_folder for 1,000 steps; then in Inception's features too, and against D.

    Inception looks at images of twice the side: at their own the bicubic kernel stays ahead.
    """
    config = enlarging.small()
    config.steps = 1250
    layers = {"extractor": "inception", "layers": ("conv_4", "mixed_2", "mixed_7"), "size": 128}
    config.method = enlarging.srgan(1000, **enlarging.SMALL)
    config.method.update({"ema_decay": 0.99, "adversarial": 2e-4})
    config.method.features = {**layers, "weight": 0.05}
    config.method.discriminator.update({"width": 16, "features": 128})
    config.method.optimizer.learning_rate = 1e-3
    # Down to 4e-4 where the discriminator begins.
    config.method.optimizer.schedule = {
        "name": "linear_schedule",
        "init_value": 1.0,
        "end_value": 0.4,
        "transition_steps": config.method.pretrain_steps,
    }
    return config


def get_smoke_config() -> ConfigDict:
    """Both phases in seconds, without a file of weights."""
    config = smoke(get_config())
    config.method.update({"pretrain_steps": 1, "pixels": 1.0})
    config.method.features.update({"extractor": "none", "layers": (), "size": 0})
    return config
