"""The version of seconds of any experiment."""

from ml_collections import ConfigDict


def smoke(config: ConfigDict) -> ConfigDict:
    """Narrow networks, few steps, and no classifier to train; ``config`` itself is changed."""
    config.steps, config.batch_size = 20, 16
    for name, network in config.method.items():
        if not isinstance(network, ConfigDict) or "name" not in network or "optimizer" in name:
            continue
        if network.name == "r3gan":
            stages = len(network.get("widths", (0, 0, 0, 0)))
            network.widths, network.groups, network.blocks = (
                (8,) * stages,
                (2,) * stages,
                (1,) * stages,
            )
        elif network.name == "autoencoder":
            network.widths, network.groups = (8,) * len(network.widths), 4
        elif network.name == "stylegan2":
            network.width, network.max_width = 64, 8
            if "features" in network:
                network.features = 8
        elif network.name == "gat":
            network.width, network.attention_heads = 16, 2
            if "label_features" in network:
                network.label_features = 16
        elif "width" in network:
            network.width = 8
        else:
            network.features = (16, 16)
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
