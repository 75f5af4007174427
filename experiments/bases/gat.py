"""GAT's networks and optimizers."""

from typing import Any

from ml_collections import ConfigDict

from bases import folder

# Width, heads and depth of the authors' sizes.
SIZES = {"s": (384, 6, 12), "b": (768, 12, 12), "l": (1024, 16, 24), "xl": (1152, 16, 28)}
# The authors' penalties, and their augmentation of latents.
TECHNIQUES = {"r1": 0.1, "r2": 0.1, "penalty_sigma": 0.01, "augment": "latent"}
# Learning rates are of a width of 768.
ADAM = {"name": "adamw", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.99, "weight_decay": 0.0}


def use(config: ConfigDict, *, patch: int, width: int, attention_heads: int, depth: int) -> None:
    """Has a config train GAT, with both networks of one size."""
    network: dict[str, Any] = {
        "name": "gat",
        "patch": patch,
        "width": width,
        "attention_heads": attention_heads,
        "depth": depth,
    }
    config.method.name, config.method.latent_dim = "gat", 64
    config.method.generator, config.method.discriminator = dict(network), dict(network)
    config.method.g_optimizer, config.method.d_optimizer = dict(ADAM), dict(ADAM)
    config.method.techniques = dict(TECHNIQUES)
    config.method.ema_decay = 0.999


def imagenet256(size: str) -> ConfigDict:
    """The authors' settings of a size with patches of 2: batch 512, 60 epochs, no mirror images."""
    width, attention_heads, depth = SIZES[size]
    config = folder.base(256)
    config.steps, config.batch_size, config.rematerialize = 150_000, 512, True
    use(config, patch=2, width=width, attention_heads=attention_heads, depth=depth)
    return config
