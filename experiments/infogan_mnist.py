"""InfoGAN on MNIST, 28x28: codes that nobody labelled.

Paper: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (arXiv:1606.03657), eq. 6, with the codes and the optimizers of
appendix C.1.
Command: python -m jaxgan.main --config=experiments/infogan_mnist.py --workdir=DIR
Expected: d/code_accuracy near 1 and d/information_categorical_0 near its limit, log 10 = 2.30
nats; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as base


def get_config() -> ConfigDict:
    """The paper's codes, noise and learning rates; the authors' batch and number of steps."""
    config = base.default()
    config.steps, config.batch_size = 5000, 128
    config.data.name = "mnist"
    config.evaluation.every = 1000
    config.evaluation.extractor, config.checkpoint.best = "domain", "eval/frechet"
    config.method = ConfigDict(
        {
            "name": "infogan",
            "categorical_codes": 1,
            "categories": 10,
            "continuous_codes": 2,
            "categorical_weight": 1.0,
            "continuous_weight": 0.1,
            "latent_dim": 62,
            "generator": {"name": "dcgan", "width": 32},
            "discriminator": {"name": "dcgan", "width": 32},
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
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
