"""The fields common to every run, with their defaults, and going through a config."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

# A run may go on with another value of these: none of them changes what a step computes.
SAFE = (
    "steps",
    "steps_per_call",
    "log.",
    "sample.",
    "checkpoint.",
    "alarms.",
    "evaluation.every",
    "data.data_dir",
    "data.latent",
    "data.placement",
    "parallel.",
)


def default() -> ConfigDict:
    """The fields common to every experiment, with their defaults."""
    return ConfigDict(
        {
            "seed": 0,
            # Runs of the seeds from `seed` on, trained side by side in one program.
            "seeds": 1,
            # Numbers of the method that each arm has, 'method.FIELD=NUMBER ...': all arms with all
            # seeds, in one program. () is one arm, the method as it is.
            "arms": (),
            "steps": 1000,
            # Over all devices.
            "batch_size": 64,
            # In one dispatch, where nothing is due between them.
            "steps_per_call": 1,
            # Parts of a batch whose gradients are averaged, to need less memory.
            "accumulate": 1,
            # Work out networks once more for their gradients, stage by stage: less memory.
            "rematerialize": False,
            # What networks compute in: 'float32' or 'bfloat16'.
            "precision": "float32",
            # `name`, and the fields of that method.
            "method": {"name": ""},
            "data": {
                # digits, ring, grid, swiss_roll, folder, pairs, npz, or a TFDS name.
                "name": "digits",
                # The TFDS folder, the folder of images, or the .npz; '' is the default place.
                "data_dir": "",
                "split": "train",
                # What a checkpoint is chosen by; '' is the training split.
                "validation_split": "",
                # Held out: what a checkpoint is reported on.
                "test_split": "test",
                # 'device' keeps the whole set on the accelerator, 'stream' reads ahead of the loop.
                "placement": "device",
                # Resize to this side, 0 = as it is.
                "image_size": 0,
                # A black border up to this side, 0 = none.
                "pad": 0,
                # 1 = grey, 3 = colour, 0 = as it is.
                "channels": 0,
                # What to do about an unreadable image: 'error' or 'skip'.
                "bad_images": "error",
                # Of pairs: which side is the image and which the target, 'AtoB' or 'BtoA'.
                "direction": "AtoB",
                # Train on each image mirrored left to right as well.
                "flip": False,
                # Two classes of a labelled set, by name or number: unpaired images and targets.
                "domains": (),
                # Classes that are left out of all splits, by name or number: anomalies.
                "without": (),
                # The images as targets, to be made of themselves reduced by this factor; 0 = no.
                "low_resolution": 0,
                # An autoencoder to train in the latents of, '' = on pixels.
                "latent": "",
            },
            # 'jit' (sharded arrays) or 'pmap'; number of devices, 0 = all; networks and optimizers
            # in parts, one on each device.
            "parallel": {"mode": "jit", "devices": 0, "shard_parameters": False},
            # TensorBoard where the `tf` extra is installed; metrics.jsonl always.
            "log": {"every": 100, "tensorboard": True, "wandb": ""},
            # A grid of this many samples; every = 0 is never (likewise below).
            "sample": {"every": 500, "n": 64},
            # The latest `keep`, and beside them the best by a logged metric.
            "checkpoint": {"every": 500, "keep": 3, "best": "", "best_mode": "min"},
            "evaluation": {
                "every": 0,
                # Samples generated, and real ones they are compared with at most.
                "n": 1000,
                # Names of metrics; () is all that apply.
                "metrics": (),
                # Of a conditional method's samples: 'reference' (in the proportions of the split
                # that they are compared with) or 'uniform'.
                "labels": "reference",
                # What gives features: 'none', 'domain' (a classifier of this dataset, trained once)
                # or 'inception'.
                "extractor": "none",
                # The file of Inception's weights, and its SHA-256 where it must be a certain one.
                "weights": "",
                "weights_digest": "",
                # Images to Inception's size as TensorFlow 1 does, or 'antialiased'.
                "resize": "tf1",
                # Over all devices.
                "batch_size": 250,
                # The moving average of the weights, where the method keeps one.
                "averaged": True,
                # Renew the batch norm's statistics over this many batches; 0 = as trained.
                "recalibrate": 0,
            },
            # Warn when a rule holds for `window` log lines; a threshold of 0 turns it off.
            "alarms": {
                "window": 5,
                "collapse": 0.2,
                "vanishing": 1e-3,
                "imbalance": 0.99,
                "oscillation": 0.5,
                "overfitting": 0.5,
                "memorization": 0.5,
                "skipped": 0.99,
            },
            # Stop when a logged metric has not improved by min_delta for `patience` log lines.
            "early_stopping": {"metric": "", "mode": "min", "patience": 10, "min_delta": 0.0},
            # Multiply all learning rates by `factor` when it has not.
            "reduce_on_plateau": {
                "metric": "",
                "mode": "min",
                "patience": 10,
                "min_delta": 0.0,
                "factor": 0.5,
            },
            # 'stop', 'rollback' (to the last checkpoint, learning rates times `factor`), or 'skip'.
            "health": {"on_nonfinite": "stop", "factor": 0.5, "max_rollbacks": 3},
        }
    )


def flatten(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The fields of a config, dotted, with their values, in order."""
    fields = []
    for key, value in config.items():
        if isinstance(value, Mapping | ConfigDict):
            fields += flatten(value, f"{prefix}{key}.")
        else:
            fields.append((f"{prefix}{key}", value))
    return fields


def get(config: ConfigDict, field: str) -> Any:
    """The value of a dotted field."""
    node: Any = config
    for part in field.split("."):
        node = node[part]
    return node


def put(part: ConfigDict, name: str, value: Any) -> None:
    """Sets a field to a value of perhaps another type than it has (ConfigDict would refuse)."""
    before = part.get(name)
    if type(value) is type(before) and value == before:
        return  # to ignore types takes ConfigDict a walk through all of the part
    with part.ignore_type():
        part[name] = value


def plain(value: Any) -> Any:
    """Plain dictionaries and tuples instead of config groups and lists."""
    if isinstance(value, ConfigDict | Mapping):
        return {k: plain(v) for k, v in value.items()}
    return tuple(plain(v) for v in value) if isinstance(value, tuple | list) else value
