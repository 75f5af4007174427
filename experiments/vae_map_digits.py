"""A variational autoencoder on the 1,797 embedded digits whose latents are a map: 4x4x2 of 8x8.

Paper: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models"
(arXiv:2112.10752), for the networks; Kingma and Welling 2014, "Auto-Encoding Variational Bayes"
(arXiv:1312.6114).
Command: python -m jaxgan.main --config=experiments/vae_map_digits.py --workdir=DIR
Expected: digits that can be told, of what is encoded; in a minute on two cores.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """Small networks of one halving, and a likelihood that outweighs the KL."""
    config = digits.base()
    network = {"name": "autoencoder", "widths": (16, 32), "groups": 8, "blocks": 1}
    config.method = {"name": "vae", "encoder": network, "generator": network}
    config.method.latent_dim = 4 * 4 * 2
    config.method.likelihood, config.method.deviation, config.method.beta = "gaussian", 0.1, 0.1
    config.method.optimizer = {"name": "adam", "learning_rate": 1e-3}
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
