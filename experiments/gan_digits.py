"""The dense GAN on the 1,797 embedded 8x8 digits.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), Algorithm 1.
Command: python -m jaxgan.main --config=experiments/gan_digits.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import ablations, digits
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The dense networks of the first GAN, with Adam."""
    config = digits.base()
    config.steps, config.evaluation.every = 6000, 2000
    config.method.name = "gan"
    config.method.generator = {"name": "mlp", "features": (256, 512)}
    config.method.discriminator = {"name": "mlp", "features": (512, 256)}
    return config


def get_sweep() -> sweep.Sweep:
    """Losses and penalties; ten seeds."""
    return ablations.losses_and_penalties(seeds=10, r1=1.0)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
