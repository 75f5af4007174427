"""DCGAN on Fashion-MNIST, 28x28.

Paper: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), section 3.
Command: python -m jaxgan.main --config=experiments/dcgan_fashion_mnist.py --workdir=DIR
Expected: after 2,000 steps at half of this width a domain Fréchet distance of 27 (floor 0.24), see
docs/results.md.
"""

from ml_collections import ConfigDict

from bases import ablations, mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The paper's optimizer, networks of half its width."""
    config = mnist.base()
    config.data.name = "fashion_mnist"
    config.checkpoint.best = "eval/frechet"
    config.method.name = "gan"
    return config


def get_sweep() -> sweep.Sweep:
    """Five losses, three seeds."""
    names = ("non_saturating", "least_squares", "wasserstein", "hinge", "relativistic_pairing")
    return sweep.Sweep(ablations.losses(*names), seeds=3)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
