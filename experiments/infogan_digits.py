"""InfoGAN on the 1,797 embedded 8x8 digits: codes that nobody labelled.

Paper: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (arXiv:1606.03657), eq. 6, with the codes and the optimizers of
appendix C.1.
Command: python -m jaxgan.main --config=experiments/infogan_digits.py --workdir=DIR
Expected: d/code_accuracy near 1 and d/information_categorical_0 near its limit, log 10 = 2.30
nats; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """DCGAN of dcgan_digits, with the codes of MNIST: ten categories, two continuous ones."""
    config = base.default()
    config.steps = 2000
    config.evaluation.every, config.evaluation.n = 1000, 149
    config.method = ConfigDict(
        {
            "name": "infogan",
            "latent_dim": 62,
            "generator": {"name": "dcgan", "width": 64},
            "discriminator": {"name": "dcgan", "width": 64},
            "g_optimizer": {"name": "adam", "learning_rate": 1e-3, "b1": 0.5},
            "d_optimizer": {"name": "adam", "learning_rate": 2e-4, "b1": 0.5},
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
    config.sample.n = 16
    return config
