"""DCGAN on MNIST, 28x28.

Paper: Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), section 3.
Command: python -m jaxgan.main --config=experiments/dcgan_mnist.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The paper's optimizer, networks of half its width."""
    config = mnist.base()
    config.checkpoint.best = "eval/frechet"
    config.method.name = "gan"
    return config


def get_sweep() -> sweep.Sweep:
    """Ratios of the two learning rates (Heusel et al. 2017, arXiv:1706.08500)."""
    arms = {
        f"D:G={ratio:g}": {
            "method.d_optimizer.learning_rate": 2e-4 * ratio**0.5,
            "method.g_optimizer.learning_rate": 2e-4 / ratio**0.5,
        }
        for ratio in (1.0, 0.25, 0.5, 2.0, 4.0)
    }
    return sweep.Sweep(arms, seeds=3)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
