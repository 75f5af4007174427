"""A variational autoencoder on CIFAR-10 whose latents are a map: 8x8x4 of 32x32x3.

Paper: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models"
(arXiv:2112.10752), for the networks; Kingma and Welling 2014, "Auto-Encoding Variational Bayes"
(arXiv:1312.6114).
Command: python -m jaxgan.main --config=experiments/vae_map_cifar10.py --workdir=DIR
Expected: see docs/results.md.
Different: an eighth of the width, two halvings, one block a stage; squared errors alone and a
heavier KL, where the paper has a perceptual loss, a discriminator and next to no KL.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Small networks, and a likelihood that outweighs the KL."""
    config = cifar10.base()
    config.steps, config.batch_size, config.data.flip = 1500, 32, True
    config.log.every, config.sample.every, config.checkpoint.every = 100, 500, 500
    # The bound of 50 draws takes nearly as long as the training; --mode=evaluate gives it.
    config.evaluation.every, config.checkpoint.best = 0, ""
    config.evaluation.extractor = "none"
    network = {"name": "autoencoder", "widths": (16, 32, 64), "groups": 8, "blocks": 1}
    config.method = {"name": "vae", "encoder": network, "generator": network}
    config.method.latent_dim = 8 * 8 * 4
    config.method.likelihood, config.method.deviation, config.method.beta = "gaussian", 0.1, 0.1
    falling = {"name": "cosine_decay_schedule", "init_value": 1.0, "decay_steps": config.steps}
    config.method.optimizer = {"name": "adam", "learning_rate": 1e-3, "schedule": falling}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
