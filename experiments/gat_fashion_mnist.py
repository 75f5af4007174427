"""GAT on Fashion-MNIST in pixels by class: small enough for two cores.

Paper: Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935).
Command: python -m jaxgan.main --config=experiments/gat_fashion_mnist.py --workdir=DIR
Expected: see docs/results.md.
Different: pixels in the place of latents, patches of 4, a sixth of the smallest size's width.
"""

from ml_collections import ConfigDict

from bases import gat, mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """49 tokens of 64 numbers, four stages of a block each."""
    config = mnist.base()
    config.data.name = "fashion_mnist"
    config.steps, config.batch_size, config.evaluation.every = 3000, 32, 1500
    gat.small(config, patch=4, width=64)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
