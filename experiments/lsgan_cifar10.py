"""Least squares GAN on CIFAR-10, 32x32 in colour.

Paper: Mao et al. 2017, "Least Squares Generative Adversarial Networks" (arXiv:1611.04076), eq. 2
and 9.
Command: python -m jaxgan.main --config=experiments/lsgan_cifar10.py --workdir=DIR
Expected: to reach FID 40.22 and IS 6.55 with the settings of PyTorch-StudioGAN v0.4 (its benchmark
figure: best checkpoint, 50k against 50k train, one run); not yet reproduced here.
Different: StudioGAN's D has seven convolutions and a sum over pixels, ours is DCGAN's; and its
images are flipped at random, its weights orthogonal at the start.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """StudioGAN's settings: Adam 2e-4, betas .5/.999, batch 64, two D steps, 200,000 G steps."""
    config = base.default()
    config.steps = 200_000
    config.data.name = "cifar10"
    config.log.every = 500
    config.sample.every = config.checkpoint.every = 5000
    config.evaluation.every = 20_000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "gan",
            "latent_dim": 128,
            "loss": "least_squares",
            "n_critic": 2,
            "ema_decay": 0.0,
            "generator": {"name": "sncnn", "width": 64},
            "discriminator": {"name": "dcgan", "width": 64},
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
