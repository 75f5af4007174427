"""Self-attention on CIFAR-10, with the 32x32 ResNet and projection.

Paper: Zhang et al. 2019, "Self-Attention Generative Adversarial Networks" (arXiv:1805.08318), eq. 1
to 3.
Command: python -m jaxgan.main --config=experiments/sagan_cifar10.py --workdir=DIR
Expected: to reach FID 10.35 and IS 8.64 (class-conditional) with the settings of PyTorch-StudioGAN
v0.4 (its benchmark figure: best checkpoint, 50k against 50k train, one run); not yet reproduced
here.
Different: its conditional batch norm is spectrally normalized, its images are flipped at random,
its weights orthogonal at the start.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, five D steps, 100,000 G steps."""
    config = base.default()
    config.steps = 100_000
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    shared = {"weight": "spectral", "attention": 16, "conditioning": "projection"}
    config.method = ConfigDict(
        {
            "name": "cgan",
            "latent_dim": 128,
            "loss": "hinge",
            "n_critic": 5,
            "ema_decay": 0.0,
            "generator": {"name": "resnet", "width": 256, **shared},
            "discriminator": {"name": "resnet", "width": 128, **shared},
            "g_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5, "eps": 1e-6},
            "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5, "eps": 1e-6},
        }
    )
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds: narrow networks, few steps."""
    config = get_config()
    config.steps, config.batch_size = 20, 16
    config.method.generator.width = config.method.discriminator.width = 8
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
