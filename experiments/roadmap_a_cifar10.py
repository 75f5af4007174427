"""R3GAN's road-map, configuration A, on CIFAR-10: StyleGAN2.

Paper: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline"
(arXiv:2501.05441), section 3; StyleGAN2's CIFAR-10 setting of Karras et al. 2020
(arXiv:2006.06676), class-conditional.
Command: python -m jaxgan.main --config=experiments/roadmap_a_cifar10.py --workdir=DIR
Expected: to reach FID 2.42 (with augmentation, as here; 3.49 without; as the paper on limited data
has it); not yet reproduced here.
"""

from ml_collections import ConfigDict

import stylegan2_cifar10 as before


def get_config() -> ConfigDict:
    """StyleGAN2's loss and networks, for as many images as the others."""
    config = before.get_config()
    config.steps = 20_000_000 // config.batch_size
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return before.get_smoke_config()
