"""The dense GAN on MNIST, 28x28.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), Algorithm 1.
Command: python -m jaxgan.main --config=experiments/gan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; not yet measured.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The dense networks of the first GAN, with Adam."""
    config = mnist.base()
    config.steps = 20_000
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 4000
    config.checkpoint.best = "eval/frechet"
    config.method.name = "gan"
    config.method.generator = {"name": "mlp", "features": (256, 512, 1024)}
    config.method.discriminator = {"name": "mlp", "features": (512, 256)}
    return config


def get_sweep() -> sweep.Sweep:
    """How the players take turns."""
    rules = ("alternating", "simultaneous", "loser")
    return sweep.Sweep(sweep.values("method.techniques.update_rule", rules), seeds=3)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
