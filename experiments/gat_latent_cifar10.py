"""GAT on CIFAR-10 by class, in the latents of our own autoencoder: small enough for two cores.

Paper: Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935).
Command: python -m jaxgan.main --config=experiments/gat_latent_cifar10.py --workdir=DIR
  --config.data.latent=DIR_OF_vae_map_cifar10
Expected: see docs/results.md.
Different: latents of 8x8x4 of experiments/vae_map_cifar10.py; a quarter of the smallest width.
"""

from ml_collections import ConfigDict

from bases import cifar10, gat
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """16 tokens of 96 numbers, four stages of a block each."""
    config = cifar10.base()
    config.steps, config.batch_size, config.data.flip = 6000, 32, True
    config.evaluation.every = config.checkpoint.every = 3000
    # The penalty is of 256 numbers, and the authors' 0.1 of 4,096: with 0.2 D soon tells nothing.
    gat.small(config, patch=2, width=96, learning_rate=1e-4, penalty=0.02)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
