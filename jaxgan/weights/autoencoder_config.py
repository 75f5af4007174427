"""The ``config.json`` of an autoencoder of diffusers: what it may say, and what cannot be built."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.base import errors

CONFIG, CLASS = "config.json", "AutoencoderKL"
DOWN, UP = "DownEncoderBlock2D", "UpDecoderBlock2D"


class Entry(NamedTuple):
    """What a config may say of one thing, and what diffusers takes where it says nothing."""

    default: Any
    holds: Callable[[Any], bool]


def is_number(value: Any) -> bool:
    """Whether it is one, and finite."""
    return type(value) in (int, float) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Whether it is a whole number above 0."""
    return type(value) is int and value > 0


def are(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether a list has entries, and this holds for each."""
    return lambda value: isinstance(value, list) and bool(value) and all(map(holds, value))


def only(known: Any) -> Callable[[Any], bool]:
    """Whether it is the one value that can be built here."""
    return lambda value: bool(value == known)


def is_switch(value: Any) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


ENTRIES = {
    "act_fn": Entry("silu", only("silu")),
    "block_out_channels": Entry([64], are(is_count)),
    "down_block_types": Entry([DOWN], are(only(DOWN))),
    # Of half precision in diffusers; here all is float32.
    "force_upcast": Entry(True, is_switch),
    "in_channels": Entry(3, is_count),
    "latent_channels": Entry(4, is_count),
    "latents_mean": Entry(None, only(None)),
    "latents_std": Entry(None, only(None)),
    "layers_per_block": Entry(1, is_count),
    "mid_block_add_attention": Entry(True, is_switch),
    "norm_num_groups": Entry(32, is_count),
    "out_channels": Entry(3, is_count),
    "sample_size": Entry(32, is_count),
    "scaling_factor": Entry(0.18215, lambda value: is_number(value) and value > 0),
    "shift_factor": Entry(None, lambda value: value is None or is_number(value)),
    "up_block_types": Entry([UP], are(only(UP))),
    "use_post_quant_conv": Entry(True, is_switch),
    "use_quant_conv": Entry(True, is_switch),
}


def read(place: Path) -> dict[str, Any]:
    """The settings in the ``config.json`` beside a file of weights, with diffusers' defaults.

    Raises:
      UserError: if it is not there, damaged, or says what cannot be built here.
    """
    beside = place.with_name(CONFIG)
    try:
        told = json.loads(beside.read_text())
    except (OSError, ValueError) as error:
        what = errors.describe(error) if beside.exists() else "it is not there"
        raise errors.UserError(f"{place} needs {beside} to be built: {what}") from error
    if not isinstance(told, dict) or told.get("_class_name", CLASS) != CLASS:
        of = repr(told.get("_class_name")) if isinstance(told, dict) else "no settings"
        raise errors.UserError(f"{beside} is of {of}, and {CLASS!r} alone can be built here")
    for key in told:
        if key not in ENTRIES and not key.startswith("_"):
            raise errors.unknown(f"entry of {beside}:", key, ENTRIES)
    config = {key: told.get(key, entry.default) for key, entry in ENTRIES.items()}
    wrong = [key for key, entry in ENTRIES.items() if not entry.holds(config[key])]
    if not wrong and config["out_channels"] != config["in_channels"]:
        wrong = ["out_channels"]
    if wrong:
        raise errors.UserError(f"{beside}: {wrong[0]} {config[wrong[0]]!r} cannot be built here")
    return config
