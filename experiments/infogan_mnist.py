"""InfoGAN on MNIST, 28x28: codes that nobody labelled.

Paper: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (arXiv:1606.03657), eq. 6, with the codes and the optimizers of
appendix C.1.
Command: python -m jaxgan.main --config=experiments/infogan_mnist.py --workdir=DIR
Expected: d/code_accuracy near 1 and d/information_categorical_0 near its limit, log 10 = 2.30
nats; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The paper's codes, noise and learning rates; the authors' batch and number of steps."""
    config = mnist.base()
    config.steps, config.batch_size = 5000, 128
    config.checkpoint.best = "eval/frechet"
    config.method.name = "infogan"
    config.method.categorical_codes, config.method.categories = 1, 10
    config.method.continuous_codes = 2
    config.method.categorical_weight, config.method.continuous_weight = 1.0, 0.1
    config.method.latent_dim = 62
    config.method.g_optimizer.learning_rate = 1e-3
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
