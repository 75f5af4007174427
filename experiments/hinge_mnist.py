"""GAN with the hinge loss on MNIST.

Paper: Lim and Ye 2017, "Geometric GAN" (arXiv:1705.02894), section 4.
Command: python -m jaxgan.main --config=experiments/hinge_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """DCGAN's networks and optimizer."""
    config = mnist.base()
    config.method.name, config.method.loss = "gan", "hinge"
    return config


def get_sweep() -> sweep.Sweep:
    """What holds the discriminator's slope."""
    group = "method.discriminator."
    arms = {name: {group + "normalization": name} for name in ("batch", "layer", "none")}
    spectral = {group + "normalization": "none", group + "weight": "spectral"}
    return sweep.Sweep({**arms, "spectral norm": spectral}, seeds=3)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
