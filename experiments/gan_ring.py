"""GAN on a ring of 8 Gaussians.

Paper: Goodfellow et al. 2014 (arXiv:1406.2661), Algorithm 1, on the data of Srivastava et al. 2017,
"VEEGAN" (arXiv:1705.07761), section 4.1.
Command: python -m jaxgan.main --config=experiments/gan_ring.py --workdir=DIR
Expected: a plain GAN loses modes here (PacGAN, Table 1: 6.3 of 8), the figure to beat.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """X recipe (arXiv:1712.04086): 4 x 400 ReLU with batch norm, Adam 1e-4, b1 .8."""
    config = base.default()
    config.steps, config.batch_size = 20_000, 100
    config.data.name = "ring"
    config.log.every, config.sample.n = 500, 2500
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 5000
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 2,
            "generator": {
                "name": "mlp",
                "features": (400, 400, 400, 400),
                "batch_norm": True,
                "output": "linear",
            },
            "discriminator": {"name": "mlp", "features": (200, 200, 200)},
            "g_optimizer": {"name": "adam", "learning_rate": 1e-4, "b1": 0.8},
            "d_optimizer": {"name": "adam", "learning_rate": 1e-4, "b1": 0.8},
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.generator.features = config.method.discriminator.features = (16, 16)
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.sample.n = 16
    return config
