"""The version of seconds of any experiment."""

from ml_collections import ConfigDict


def smoke(config: ConfigDict) -> ConfigDict:
    """Narrow networks, few steps, and no classifier to train; ``config`` itself is changed."""
    config.steps, config.batch_size = 20, 16
    for network in (config.method.generator, config.method.discriminator):
        if "width" in network:
            network.width = 8
        else:
            network.features = (16, 16)
    config.log.every, config.sample.every, config.checkpoint.every = 5, 10, 10
    config.evaluation.every, config.evaluation.n = 20, 50
    config.evaluation.extractor, config.checkpoint.best = "none", ""
    config.sample.n = 16
    return config
