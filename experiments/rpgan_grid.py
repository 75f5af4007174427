"""Relativistic pairing with R1 and R2 on the 25 Gaussians of a grid.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), equations 2 and 5; here with small dense networks.
Command: python -m jaxgan.main --config=experiments/rpgan_grid.py --workdir=DIR
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """Both penalties weak: the modes are narrow, and D must be steep between them."""
    config = base.default()
    config.steps, config.batch_size = 20_000, 256
    config.data.name = "grid"
    config.log.every, config.sample.n = 500, 2500
    config.sample.every = config.checkpoint.every = 4000
    config.evaluation.every, config.evaluation.n = 4000, 2500
    schedule = {
        "name": "cosine_decay_schedule",
        "init_value": 1.0,
        "decay_steps": config.steps,
        "alpha": 0.02,
    }
    optimizer = {"name": "adam", "learning_rate": 2e-3, "b1": 0.5, "schedule": schedule}
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 2,
            "loss": "relativistic_pairing",
            "techniques": {"r1": 0.01, "r2": 0.01},
            "generator": {"name": "mlp", "features": (128, 128, 128), "output": "linear"},
            "discriminator": {"name": "mlp", "features": (128, 128, 128)},
            "g_optimizer": optimizer,
            "d_optimizer": optimizer,
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.generator.features = config.method.discriminator.features = (16,)
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.sample.n = 100
    return config
