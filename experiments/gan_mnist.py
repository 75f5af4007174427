"""The dense GAN on MNIST, 28x28.

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661), Algorithm 1.
Command: python -m jaxgan.main --config=experiments/gan_mnist.py --workdir=DIR
Expected: the domain Fréchet distance with its floor; not yet measured.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The dense networks of the first GAN, with Adam."""
    config = base.default()
    config.steps = 20_000
    config.data.name = "mnist"
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 4000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 100,
            "generator": {"name": "mlp", "features": (256, 512, 1024)},
            "discriminator": {"name": "mlp", "features": (512, 256)},
            "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
            "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
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
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
