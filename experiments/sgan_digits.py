"""Semi-supervised learning of the 1,797 embedded 8x8 digits, from 50 labels.

Paper: Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section 5.
Command: python -m jaxgan.main --config=experiments/sgan_digits.py --workdir=DIR
Expected: eval/error_semi_supervised below eval/error_supervised; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The networks of sgan_mnist, narrower."""
    config = digits.base()
    config.steps, config.batch_size = 4000, 50
    config.method = {
        "name": "sgan",
        "labels": 50,
        "generator": {"name": "noisy_mlp", "features": (128, 128)},
        "discriminator": {"name": "noisy_mlp", "features": (256, 128, 128)},
        "g_optimizer": {"name": "adam", "learning_rate": 1e-3, "b1": 0.5},
        "d_optimizer": {"name": "adam", "learning_rate": 1e-3, "b1": 0.5},
    }
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.method.baseline_every = 2
    return config
