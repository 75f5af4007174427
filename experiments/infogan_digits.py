"""InfoGAN on the 1,797 embedded 8x8 digits: codes that nobody labelled.

Paper: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (arXiv:1606.03657), eq. 6, with the codes and the optimizers of
appendix C.1.
Command: python -m jaxgan.main --config=experiments/infogan_digits.py --workdir=DIR
Expected: d/code_accuracy near 1 and d/information_categorical_0 near its limit, log 10 = 2.30
nats; not yet measured, see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """DCGAN of dcgan_digits, with the codes of MNIST: ten categories, two continuous ones."""
    config = digits.base()
    config.method.name = "infogan"
    config.method.latent_dim = 62
    config.method.g_optimizer.learning_rate = 1e-3
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
