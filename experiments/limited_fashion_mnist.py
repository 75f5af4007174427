"""A GAN of 1,000 images of Fashion-MNIST, with adaptive augmentation of all that D sees.

Paper: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data"
(arXiv:2006.06676), section 3.
Command: python -m jaxgan.main --config=experiments/limited_fashion_mnist.py --workdir=DIR
Expected: overfitting 0.37, and 0.70 with --config.method.techniques.augment=none (docs/results.md).
Different: DCGANs, no R1, and few steps.
"""

from ml_collections import ConfigDict

from bases import mnist
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """ADA as published: blitting, geometry and colour, a target of 0.6."""
    config = mnist.base()
    config.data.name, config.data.split = "fashion_mnist", "train[:1000]"
    config.steps, config.batch_size, config.evaluation.every = 12_000, 32, 2000
    config.method.name = "gan"
    config.method.techniques = {"augment": "ada"}
    return config


def get_sweep() -> sweep.Sweep:
    """Augmentations, on a tenth of the data."""
    arms = sweep.values("method.techniques.augment", ("none", "diffaugment", "ada", "apa"))
    tenth = {"data.split": "train[:10%]"}
    return sweep.Sweep({name: {**fields, **tenth} for name, fields in arms.items()}, seeds=3)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
