"""Points in the plane: Gaussians in a ring or a grid."""

from ml_collections import ConfigDict

from jaxgan import config as common


def base(name: str) -> ConfigDict:
    """X recipe (arXiv:1712.04086): 4 x 400 ReLU with batch norm, Adam 1e-4, b1 .8."""
    config = common.default()
    config.steps, config.batch_size = 20_000, 100
    config.data.name = name
    config.log.every, config.sample.n = 500, 2500
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 5000
    config.method = {
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
    return config


def small(name: str, steps: int) -> ConfigDict:
    """Small dense networks, and rates that fall over ``steps``."""
    config = base(name)
    config.steps, config.batch_size = steps, 256
    config.sample.every = config.checkpoint.every = config.evaluation.every = 4000
    config.evaluation.n = 2500
    config.method.generator = {"name": "mlp", "features": (128, 128, 128), "output": "linear"}
    config.method.discriminator = {"name": "mlp", "features": (128, 128, 128)}
    falling = {
        "name": "cosine_decay_schedule",
        "init_value": 1.0,
        "decay_steps": steps,
        "alpha": 0.02,
    }
    adam = {"name": "adam", "learning_rate": 2e-3, "b1": 0.5, "schedule": falling}
    config.method.g_optimizer = config.method.d_optimizer = adam
    return config
