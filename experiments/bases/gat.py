"""GAT's networks and optimizers."""

from typing import Any

from ml_collections import ConfigDict

# The authors' sizes.
SIZES = {
    "s": {"width": 384, "attention_heads": 6, "depth": 12},
    "b": {"width": 768, "attention_heads": 12, "depth": 12},
    "l": {"width": 1024, "attention_heads": 16, "depth": 24},
    "xl": {"width": 1152, "attention_heads": 16, "depth": 28},
}
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


def small(
    config: ConfigDict,
    *,
    patch: int,
    width: int,
    learning_rate: float = 5e-5,  # a sixteenth of the batch, a quarter of the rate
    penalty: float = 0.2,
) -> None:
    """Has a config train, in half an hour on two cores, networks of a block a stage."""
    use(config, patch=patch, width=width, attention_heads=4, depth=4)
    config.method.discriminator.label_features, config.method.ema_decay = 128, 0.995
    for optimizer in (config.method.g_optimizer, config.method.d_optimizer):
        optimizer.learning_rate = learning_rate
    config.method.techniques.r1 = config.method.techniques.r2 = penalty


def published(config: ConfigDict, size: str) -> None:
    """Has a config train a size with patches of 2 as its authors, for 60 epochs; state in parts."""
    config.steps, config.batch_size, config.rematerialize = 150_000, 512, True
    config.precision, config.parallel.shard_parameters = "bfloat16", True
    use(config, patch=2, **SIZES[size])
