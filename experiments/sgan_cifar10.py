"""Semi-supervised learning of CIFAR-10, 32x32 in colour, from 4,000 labels.

Paper: Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section
5.2.
Command: python -m jaxgan.main --config=experiments/sgan_cifar10.py --workdir=DIR
Expected: to reach eval/error_semi_supervised of 18.63 % +- 2.32 % (the paper's figure for 4,000
labels, of 10 draws); not yet reproduced here.
Different: the authors' D has nine convolutions with weight norm, dropout and a mean over pixels,
and their latents are uniform; their G matches the mean features by absolute differences.
"""

from ml_collections import ConfigDict

from bases import cifar10
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' settings: Adam 3e-4, betas .5/.999, batch 100, 1,200 epochs."""
    config = cifar10.base()
    config.steps, config.batch_size = 600_000, 100
    config.evaluation.every = 10_000
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    falling = {"name": "linear_schedule", "init_value": 1.0, "end_value": 0.0}
    falling |= {"transition_begin": 400_000, "transition_steps": 200_000}
    adam = {"name": "adam", "learning_rate": 3e-4, "b1": 0.5, "schedule": falling}
    config.method = {
        "name": "sgan",
        "labels": 4000,
        "generator": {"name": "dcgan", "width": 128, "max_width": 512},
        "discriminator": {"name": "sncnn", "width": 96, "max_width": 192, "weight": "plain"},
        "g_optimizer": dict(adam),
        "d_optimizer": dict(adam),
        "baseline_every": 4,
    }
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    config = smoke(get_config())
    config.method.labels = 50
    return config
