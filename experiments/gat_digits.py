"""GAT on the embedded digits, 8x8, by their labels: four stages of a block each.

Paper: Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935).
Command: python -m jaxgan.main --config=experiments/gat_digits.py --workdir=DIR
Expected: a few classes that can be named after 700 of the steps; see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import digits, gat
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """Patches of 2, a width of 64."""
    config = digits.base()
    config.batch_size = 32
    gat.use(config, patch=2, width=64, attention_heads=4, depth=4)
    config.method.discriminator.label_features, config.method.ema_decay = 64, 0.99
    return config


def get_sweep() -> sweep.Sweep:
    """Each ingredient left out once, and CAT's term; an arm's seeds side by side."""
    of, none = "method.techniques", {"r1": 0.0, "r2": 0.0, "penalty_sigma": 0.0}
    arms = {
        "whole": {},
        "no guidance": {"method.guidance": "none"},
        "no penalties": {f"{of}.{name}": value for name, value in none.items()},
        "one rate for all widths": {"method.reference_width": 0},
        "no augmentation": {f"{of}.augment": "none"},
        "with consistency": {"method.consistency": 1.0},
    }
    return sweep.Sweep(arms, seeds=3, together=True)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
