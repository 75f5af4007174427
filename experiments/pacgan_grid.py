"""PacGAN on a 5x5 grid of Gaussians: the discriminator judges four samples together.

Paper: Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks"
(arXiv:1712.04086), section 4.1.
Command: python -m jaxgan.main --config=experiments/pacgan_grid.py --workdir=DIR
For packs of m set --config.method.techniques.pack=m --config.batch_size=100m; m = 1 is a plain GAN.
Expected: for m = 1, 2, 3, 4: 16, 23, 24, 24 of 25 modes; 90.1, 89.9, 87.6, 89.8 % high quality,
reverse KL .81, .55, .18, .12 (one run of 100,000 steps each; see docs/results.md). To reach: 17.3,
23.8, 24.6, 24.8 modes, 94.8, 91.3, 94.2, 93.6 %, .70, .13, .06, .04 (Table 1, means of 10 runs of
400,000 steps); not yet reproduced.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The authors' recipe: 100 packs a step, both players at once; 100,000 steps, not 400,000."""
    config = base.default()
    config.steps, config.batch_size = 100_000, 400
    config.data.name = "grid"
    config.log.every, config.sample.n = 500, 2500
    config.sample.every, config.checkpoint.every = 20_000, 10_000
    config.evaluation.every, config.evaluation.n = 10_000, 2500
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 2,
            "techniques": {"pack": 4, "update_rule": "simultaneous"},
            "generator": {
                "name": "mlp",
                "features": (400, 400, 400, 400),
                "batch_norm": True,
                "output": "linear",
                "kernel_std": 0.02,
            },
            "discriminator": {
                "name": "mlp",
                "features": (200, 200, 200),
                "maxout": 5,
                "kernel_std": 0.02,
            },
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
