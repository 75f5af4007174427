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


def get_config() -> ConfigDict:
    """As srresnet_folder96; then 10^5 steps at its rate and 10^5 at a tenth, Inception for VGG."""
    config = enlarging.full()
    pretrained, more = config.steps, 100_000
    config.steps += 2 * more
    features = {"extractor": "inception", "layers": ("mixed_2",), "weight": 0.006}
    config.method = enlarging.srgan(pretrained)
    config.method.update({"pixels": 0.0, "features": features})
    config.method.optimizer.schedule = enlarging.tenth(pretrained, more)
    config.method.d_optimizer.schedule = enlarging.tenth(0, more)
    return config


def get_smoke_config() -> ConfigDict:
    """Both phases in seconds, without a file of weights."""
    config = smoke(get_config())
    config.method.update({"pretrain_steps": 1, "pixels": 1.0})
    config.method.features.update({"extractor": "none", "layers": ()})
    return config
