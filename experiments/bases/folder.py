"""Large images from a folder, which --config.data.data_dir names."""

from ml_collections import ConfigDict

from jaxgan import config as common


def base(side: int) -> ConfigDict:
    """In bfloat16, streamed; Inception's features, whose file --config.evaluation.weights names."""
    config = common.default()
    config.precision = "bfloat16"
    config.data.name, config.data.placement = "folder", "stream"
    config.data.image_size, config.data.channels = side, 3
    config.log.every, config.sample.every, config.checkpoint.every = 100, 2000, 2000
    config.evaluation.n, config.evaluation.extractor = 50_000, "inception"
    config.method = {}
    return config
