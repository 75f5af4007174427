"""GAT-XL/2 on ImageNet, 256x256, class-conditional, in the latents of a Stable Diffusion VAE.

Paper: Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935).
Command: python -m jaxgan.main --config=experiments/gat_xl_imagenet256.py --workdir=DIR
  --config.data.data_dir=FOLDER --config.data.latent=FOLDER_OF_THE_VAE
Expected: to reach FID 2.18 (50k; as the paper has it); not yet reproduced here.
Different: without the alignment to DINOv2's features. A folder in each class.
"""

from ml_collections import ConfigDict

from bases import folder, gat
from bases.smoke import smoke


def get_config() -> ConfigDict:
    """The authors' for 60 epochs."""
    config = folder.base(256)
    gat.published(config, "xl")
    return config


def get_smoke_config() -> ConfigDict:
    """The same in seconds, of 32 pixels."""
    config = smoke(get_config())
    config.data.image_size = 32
    return config
