"""GAN on a ring of 8 Gaussians.

Paper: Goodfellow et al. 2014 (arXiv:1406.2661), Algorithm 1, on the data of Srivastava et al. 2017,
"VEEGAN" (arXiv:1705.07761), section 4.1.
Command: python -m jaxgan.main --config=experiments/gan_ring.py --workdir=DIR
Expected: a plain GAN loses modes here (PacGAN, Table 1: 6.3 of 8), the figure to beat.
"""

from ml_collections import ConfigDict

from bases import ablations, points
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """X recipe (arXiv:1712.04086): 4 x 400 ReLU with batch norm, Adam 1e-4, b1 .8."""
    config = points.base("ring")
    config.method.name = "gan"
    return config


def get_sweep() -> sweep.Sweep:
    """Losses and penalties; ten seeds."""
    return ablations.losses_and_penalties(seeds=10, r1=0.1)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
