"""CIFAR-10, 32x32 in colour, and the settings that published code has in common."""

from ml_collections import ConfigDict

from jaxgan import config as common


def base() -> ConfigDict:
    """DCGAN's networks and its optimizer, batch 64; no average of the weights."""
    config = common.default()
    config.steps = 100_000
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = {
        "latent_dim": 128,
        "ema_decay": 0.0,
        "generator": {"name": "dcgan", "width": 64},
        "discriminator": {"name": "dcgan", "width": 64},
        "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
        "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
    }
    return config


def studiogan() -> ConfigDict:
    """PyTorch-StudioGAN's settings for a loss: two D steps, 200,000 G steps, Adam's eps 1e-6."""
    config = base()
    config.steps = 200_000
    config.method.n_critic = 2
    config.method.generator.name = "sncnn"
    config.method.g_optimizer.eps = config.method.d_optimizer.eps = 1e-6
    return config


def mimicry() -> ConfigDict:
    """Mimicry's settings: the 32x32 ResNet, Adam 2e-4 to 0, betas 0/.9, five D steps."""
    config = base()
    config.steps = 100_000
    config.method.n_critic = 5
    config.method.generator = {"name": "resnet", "width": 256}
    config.method.discriminator = {"name": "resnet", "width": 128}
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.9}
    # A schedule counts the updates of its own network.
    falling = {"name": "linear_schedule", "init_value": 1.0, "end_value": 0.0}
    config.method.g_optimizer = {**adam, "schedule": {**falling, "transition_steps": 100_000}}
    config.method.d_optimizer = {**adam, "schedule": {**falling, "transition_steps": 500_000}}
    return config


def gans_pytorch() -> ConfigDict:
    """xyfJASON/gans-pytorch's settings: wide networks, Adam 8e-4, five D steps, batch 512."""
    config = base()
    config.steps, config.batch_size = 40_000, 512
    config.sample.every = config.checkpoint.every = 2000
    config.evaluation.every = 4000
    config.method.latent_dim = 100
    config.method.n_critic = 5
    config.method.generator = {"name": "dcgan", "width": 256, "max_width": 1024}
    config.method.discriminator = {"name": "dcgan", "width": 256, "max_width": 1024}
    config.method.g_optimizer.learning_rate = config.method.d_optimizer.learning_rate = 8e-4
    return config
