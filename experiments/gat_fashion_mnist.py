"""GAT on Fashion-MNIST in pixels, padded to 32x32, by class: small enough for two cores.

Paper: Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935).
Command: python -m jaxgan.main --config=experiments/gat_fashion_mnist.py --workdir=DIR
Expected: see docs/results.md.
Different: pixels in the place of latents, patches of 4, a quarter of the smallest size's width.
"""

from ml_collections import ConfigDict

from bases import gat, mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """64 tokens of 96 numbers, four stages of a block each."""
    config = mnist.base()
    config.data.name, config.data.pad = "fashion_mnist", 32
    config.steps, config.batch_size, config.evaluation.every = 4000, 32, 2000
    gat.use(config, patch=4, width=96, attention_heads=4, depth=4)
    config.method.discriminator.label_features = 128
    config.method.ema_decay = 0.995
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
