"""SRGAN, fourfold to 96x96 pixels, of a folder of images, with the authors' settings.

Paper: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network" (arXiv:1609.04802), section 3.2.
Command: python -m jaxgan.main --config=experiments/srgan_folder96.py --workdir=DIR
  --config.data.data_dir=FOLDER --config.method.features.weights=INCEPTION
Expected: see docs/results.md.
"""

from ml_collections import ConfigDict

from bases import enlarging
from bases.smoke import smoke

STEPS = 100_000


def get_config() -> ConfigDict:
    """As srresnet_folder96; then 10^5 steps at its rate and 10^5 at a tenth, Inception for VGG."""
    config = enlarging.full()
    config.steps += 2 * STEPS

    def tenth_after(step: int) -> dict:
        falls = {"transition_steps": STEPS, "decay_rate": 0.1, "staircase": True}
        rates = {"name": "exponential_decay", "init_value": 1.0, "transition_begin": step}
        return {**rates, **falls}

    pretrained = config.steps - 2 * STEPS
    adam = {"name": "adam", "learning_rate": 1e-4}
    features = {"extractor": "inception", "layers": ("mixed_2",), "weight": 0.006}
    config.method.update(
        {
            "discriminator": {"name": "srresnet"},
            "d_optimizer": {**adam, "schedule": tenth_after(0)},
            "adversarial": 1e-3,
            "pretrain_steps": pretrained,
            "pixels": 0.0,
            "features": features,
        }
    )
    config.method.optimizer.schedule = tenth_after(pretrained)
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, without a file of weights."""
    config = smoke(get_config())
    changed = {"pretrain_steps": 10, "pixels": 1.0, "features": {"extractor": "none"}}
    config.method.update(changed)
    return config
