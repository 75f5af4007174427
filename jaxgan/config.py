"""The config of a run: its common fields, loading one, completing it and refusing a wrong one."""

import ast
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan import bases, resolve
from jaxgan.base import errors

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
    "data.placement",
    "parallel.",
)
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def default() -> ConfigDict:
    """The fields common to every experiment, with their defaults."""
    return ConfigDict(
        {
            "seed": 0,
            "steps": 1000,
            # Over all devices.
            "batch_size": 64,
            # In one dispatch, where nothing is due between them.
            "steps_per_call": 1,
            # `name`, and the fields of that method.
            "method": {"name": ""},
            "data": {
                # digits, ring, grid, swiss_roll, folder, npz, or a TFDS name.
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
                # 1 = grey, 3 = colour, 0 = as it is.
                "channels": 0,
                # What to do about an unreadable image: 'error' or 'skip'.
                "bad_images": "error",
            },
            # 'jit' (sharded arrays) or 'pmap'; number of devices, 0 = all.
            "parallel": {"mode": "jit", "devices": 0},
            # TensorBoard where the `tf` extra is installed; metrics.jsonl always.
            "log": {"every": 100, "tensorboard": True},
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


def load(path: str, overrides: Sequence[str] = (), *, smoke: bool = False) -> ConfigDict:
    """The config of an experiment file, completed and locked.

    Args:
      path: a Python file with ``get_config()`` and ``get_smoke_config()``.
      overrides: ``--config.FIELD=VALUE`` or ``--config.FIELD``, ``VALUE``.
      smoke: take ``get_smoke_config()``, which runs in seconds.

    Raises:
      UserError: naming the nearest experiment, field or choice for an unknown one.
    """
    config = merge(call_experiment(path, "get_smoke_config" if smoke else "get_config"))
    changes = dict(parse_override(text) for text in join_values(overrides))
    # Names first, the outer ones before the inner: they decide which fields there are.
    named = [key for key in changes if key.endswith(".name")]
    for key in sorted(named, key=lambda key: key.count(".")):
        apply_override(config, key, changes[key])
        if key.startswith("method."):
            resolve.forget(config, key.removesuffix(".name"))
    resolve.fill_method(config)
    for key, text in changes.items():
        apply_override(config, key, text)
    # Once more, now that every value is set: a field's annotation says more than its default.
    resolve.fill_method(config)
    resolve.fill_from_data(config)
    resolve.check(config)
    return config.lock()


def complete(config: Mapping[str, Any]) -> ConfigDict:
    """The config with every field there is, from one that was stored perhaps by an older version.

    Raises:
      UserError: for a field or a name that is not known (any more), or a wrong type.
    """
    full = merge(config)
    resolve.fill_method(full)
    return full


def merge(config: Mapping[str, Any]) -> ConfigDict:
    """The common fields, with those of ``config`` in their place.

    Raises:
      UserError: for a field that is not among them, or of another type.
    """
    full = default()
    known = [f for f, _ in flatten(full)]
    for key, value in flatten(config):
        if key.startswith("method."):
            continue
        if key not in known:
            raise errors.unknown("config field", key, known)
        group, _, last = key.rpartition(".")
        node = resolve.get(full, group) if group else full
        node[last] = resolve.typed(key, value, node[last])
    if "method" in config:
        full.method = ConfigDict(resolve.plain(config["method"]))
    for key, part in full.method.items():
        # So that one can be named where the experiment has none.
        if key.endswith("optimizer") and isinstance(part, ConfigDict) and "schedule" not in part:
            part.schedule = {"name": ""}
    return full


def call_experiment(path: str, function: str) -> Mapping[str, Any]:
    """The config that ``function`` of the experiment file ``path`` returns.

    Raises:
      UserError: if there is no such file or function, or with the error that it raised.
    """
    module = load_experiment(path)
    if not hasattr(module, function):
        raise errors.UserError(f"{path} has no {function}()")
    try:
        with bases.beside(Path(path)):
            config = getattr(module, function)()
    except Exception as error:  # whatever the experiment does
        raise errors.UserError(f"{path}: {function}(): {errors.told(error)}") from error
    if not isinstance(config, Mapping | ConfigDict):
        kind = type(config).__name__
        raise errors.UserError(f"{path}: {function}() must return a ConfigDict, not {kind}")
    return config


def load_experiment(path: str) -> Any:
    """The module in file ``path``, whose folder can be imported from, for a method beside it.

    Raises:
      UserError: if there is no such file, or with the error that it raised.
    """
    file = Path(path)
    if not file.is_file():
        folders = (Path("experiments"), file.parent)
        known = {p.stem: str(p) for folder in folders for p in sorted(folder.glob("*.py"))}
        near = errors.nearest(file.stem, known)
        hint = f"did you mean {known[near]}?" if near else "no such file"
        raise errors.UserError(f"unknown experiment {path!r}; {hint}")
    import_from(file.parent)
    spec = importlib.util.spec_from_file_location(f"experiment_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise errors.UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        with bases.beside(file):
            spec.loader.exec_module(module)
    except Exception as error:  # whatever the experiment does
        raise errors.UserError(f"{path}: {errors.told(error)}") from error
    return module


def import_from(folder: Path) -> None:
    """Lets modules in ``folder`` be imported, after everything else."""
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def join_values(arguments: Sequence[str]) -> list[str]:
    """``--config.a``, ``1`` as ``--config.a=1``."""
    joined: list[str] = []
    for argument in arguments:
        if joined and "=" not in joined[-1] and not argument.startswith("--"):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined


def parse_override(text: str) -> tuple[str, str]:
    """The field and the text of its value in ``--config.FIELD=VALUE``."""
    key, equals, value = text.partition("=")
    if not key.startswith("--config."):
        raise errors.UserError(f"unknown argument {text!r}; a field is set by --config.FIELD=VALUE")
    if not equals:
        raise errors.UserError(f"{key} needs a value: {key}=VALUE")
    return key.removeprefix("--config."), value


def apply_override(config: ConfigDict, key: str, text: str) -> None:
    """Sets field ``key`` (dotted) to ``text``, read as the type the field has.

    Raises:
      UserError: if there is no such field, or the text is of another type.
    """
    *path, last = key.split(".")
    node = config
    for part in [*path, last]:
        if not isinstance(node, ConfigDict) or part not in node:
            raise errors.unknown("config field", key, [f for f, _ in flatten(config)])
        parent, node = node, node[part]
    if isinstance(node, ConfigDict):
        raise errors.UserError(f"config.{key} is a group; set one of {', '.join(node)}")
    parent[last] = resolve.typed(key, parse_value(text, node), node)


def parse_value(text: str, now: Any) -> Any:
    """The value that ``text`` stands for where ``now`` is the one to be replaced."""
    if isinstance(now, str):
        return text
    if isinstance(now, bool):
        return BOOLEANS.get(text.lower(), text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # Names in a list need no quotes.
        names = isinstance(now, tuple | list) and all(isinstance(item, str) for item in now)
        return tuple(text.split(",")) if names else text
    return (
        (value,) if isinstance(now, tuple | list) and not isinstance(value, tuple | list) else value
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
