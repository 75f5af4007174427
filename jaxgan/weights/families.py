"""Whose weights they are, told by what is in the file: their networks, settings and licence."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.weights import modules, own_files, tensors, unpickling
from jaxgan.weights.containers import OWN

# By network and key; '' has the tensors that stand in no network of a name.
Networks = dict[str, dict[str, np.ndarray]]
Settings = dict[str, Any]


class Family(NamedTuple):
    """A kind of published file."""

    licence: str  # of the project and of what it published, in a line
    holds: Callable[[Any], bool]  # whether what was read is such a file
    networks: Callable[[Any], Networks]
    settings: Callable[[Any], Settings]


def recognize(stored: Any) -> str | None:
    """The name of the family that ``stored`` is of, or ``None``."""
    return next((name for name, family in FAMILIES.items() if family.holds(stored)), None)


def first_keys(stored: Any, count: int = 3) -> str:
    """What a file begins with, for one that is of no family."""
    if _triple(stored):
        stored = dict(_variables(stored[0].state))
    if not isinstance(stored, Mapping):
        return f"a {type(stored).__name__} and no keys"
    keys = [repr(key)[:60] for key in itertools.islice(stored, count)]
    return f"the keys {', '.join(keys)}" if keys else "no keys"


def plain(value: Any) -> Any:
    """Settings as Python has them: objects and tables are dicts, numbers of NumPy are numbers."""
    if isinstance(value, unpickling.Inert):
        return plain(value.state)
    if isinstance(value, np.generic):
        return value.item()
    if tensors.is_tensor(value):
        return tensors.array(value)
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    for kind in (list, tuple, set):
        if isinstance(value, kind):
            return kind(map(plain, value))
    return value


def _arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {key: tensors.array(value) for key, value in state.items()}


def _is_state(value: Any) -> bool:
    """Whether it is a state dict: nothing but tensors by their keys."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(k, str) and tensors.is_tensor(v) for k, v in value.items())
    )


def _has(stored: Any, *keys: str) -> bool:
    return isinstance(stored, Mapping) and all(key in stored for key in keys)


def _only(stored: Any, pattern: str) -> bool:
    """Whether it is a state dict whose keys are all like the pattern."""
    return _is_state(stored) and all(re.fullmatch(pattern, key) for key in stored)


def _flat(stored: Any) -> Networks:
    return {"": _arrays(stored)}


def _none(_: Any) -> Settings:
    return {}


# Modules in PyTorch: NVIDIA's, and R3GAN's.


def _persisted(stored: Any, inner: str) -> bool:
    """Whether its average is one of NVIDIA's with such a module in its synthesis network."""
    average = stored["G_ema"] if _has(stored, "G_ema") else None
    return isinstance(average, unpickling.Persisted) and inner in modules.inside(
        average, "synthesis"
    )


def _persisted_settings(stored: Any) -> Settings:
    settings = {
        name: {
            "class_name": module.meta["class_name"],
            "init_args": plain(module.meta["state"]["_init_args"]),
            "init_kwargs": plain(module.meta["state"]["_init_kwargs"]),
        }
        for name, module in modules.networks(stored).items()
        if isinstance(module, unpickling.Persisted)
    }
    return {**settings, "training_set_kwargs": plain(stored.get("training_set_kwargs"))}


def _is_r3gan(stored: Any) -> bool:
    average = stored["G_ema"] if _has(stored, "G_ema") else None
    named = isinstance(average, unpickling.Inert) and average.name.startswith("training.networks")
    return named and modules.is_module(average)


def _r3gan_settings(stored: Any) -> Settings:
    return {key: plain(stored.get(key)) for key in ("cur_nimg", "training_set_kwargs")}


# NVIDIA's networks in TensorFlow.


def _variables(state: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The variables of a network and of those in it, each by its name."""
    for name, value in state["variables"]:
        yield prefix + name, value
    for name, component in state.get("components", {}).items():
        yield from _variables(component.state, f"{prefix}{name}/")


def _triple(stored: Any) -> bool:
    return (
        isinstance(stored, list | tuple)
        and len(stored) == 3
        and all(isinstance(n, unpickling.Inert) and n.name in unpickling.NETWORKS for n in stored)
    )


def _has_variable(stored: Any, pattern: str) -> bool:
    """Whether it is a triple whose G has a variable with such a name."""
    return _triple(stored) and any(
        re.fullmatch(pattern, name) for name, _ in _variables(stored[0].state)
    )


def _triple_networks(stored: Any) -> Networks:
    states = {name: n.state for name, n in zip(("G", "D", "Gs"), stored, strict=True)}
    return {name: _arrays(dict(_variables(state))) for name, state in states.items()}


def _described(state: Mapping[str, Any]) -> Settings:
    """What a network of TensorFlow's was built with, without its source and its variables."""
    inner = state.get("components", {})
    return {
        "static_kwargs": plain(state["static_kwargs"]),
        "build_func_name": state.get("build_func_name"),
        "components": {name: _described(network.state) for name, network in inner.items()},
    }


def _triple_settings(stored: Any) -> Settings:
    return {name: _described(n.state) for name, n in zip(("G", "D", "Gs"), stored, strict=True)}


# Dicts of state dicts.


def _named(*names: str) -> Callable[[Any], Networks]:
    return lambda stored: {name: _arrays(stored[name]) for name in names if stored.get(name)}


def _mimicry_networks(stored: Any) -> Networks:
    return _flat(stored["model_state_dict"])


def _rosinality_networks(stored: Any) -> Networks:
    networks = _named("g", "d", "g_ema")(stored)
    mean = {"latent_avg": stored["latent_avg"]} if "latent_avg" in stored else {}
    return {**networks, "": _arrays(mean)} if mean else networks


def _is_zoo(stored: Any) -> bool:
    config = stored["config"] if _has(stored, "config", "netG") else None
    named = isinstance(config, unpickling.Inert) and config.name == unpickling.ZOO_CONFIG
    return named and any(key.startswith("toRGBLayers.") for key in stored["netG"])


def _is_translator(stored: Any) -> bool:
    """A ResNet, a U-Net or a discriminator. Others have such keys, too: the first kernel tells."""
    kernels = {"model.1": 7, "model.model.0": 4, "model.0": 4, "net.0": 1}
    if not _only(stored, rf"((model\.(\d+\.)?)+(conv_block\.\d+\.)?|net\.\d+\.){_PARTS}"):
        return False
    first = next(iter(stored))
    size = kernels.get(first.rpartition(".")[0])
    return size is not None and tuple(stored[first].shape)[2:] == (size, size)


_PARTS = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_NVIDIA = "Nvidia Source Code License: research or evaluation, non-commercial"

FAMILIES = {
    OWN: Family(
        "jaxgan: that of what was converted",
        own_files.holds,
        own_files.networks,
        own_files.settings,
    ),
    "stylegan3_pytorch": Family(
        f"StyleGAN3: {_NVIDIA}",
        lambda stored: _persisted(stored, "input"),
        modules.state_dicts,
        _persisted_settings,
    ),
    "stylegan2_ada_pytorch": Family(
        f"StyleGAN2-ADA-PyTorch: {_NVIDIA}",
        lambda stored: _persisted(stored, "b4"),
        modules.state_dicts,
        _persisted_settings,
    ),
    "r3gan": Family(
        "R3GAN: no licence is stated; what it has of Nvidia's is under Nvidia's terms",
        _is_r3gan,
        modules.state_dicts,
        _r3gan_settings,
    ),
    "stylegan2_tf": Family(
        f"StyleGAN2 (TensorFlow): {_NVIDIA}",
        lambda stored: _has_variable(stored, r".*/mod_weight"),
        _triple_networks,
        _triple_settings,
    ),
    "progan_tf": Family(
        "ProGAN (progressive_growing_of_gans): CC BY-NC 4.0, non-commercial, all its material",
        lambda stored: _has_variable(stored, r"ToRGB_lod\d+/weight"),
        _triple_networks,
        _triple_settings,
    ),
    "progan_zoo": Family(
        "pytorch_GAN_zoo: BSD-3; the data that it was trained on has terms of its own",
        _is_zoo,
        _named("netG", "netD", "avgG"),
        lambda stored: plain(stored["config"]),
    ),
    "mimicry": Family(
        "mimicry: MIT",
        lambda stored: _has(stored, "model_state_dict", "optimizer_state_dict", "global_step"),
        _mimicry_networks,
        lambda stored: {"global_step": plain(stored["global_step"])},
    ),
    "stylegan2_rosinality": Family(
        "stylegan2-pytorch (rosinality): MIT, but its kernels, and weights converted from Nvidia's:"
        f" {_NVIDIA}",
        lambda stored: _has(stored, "g_ema") and "conv1.conv.modulation.weight" in stored["g_ema"],
        _rosinality_networks,
        lambda stored: {key: plain(stored[key]) for key in ("args", "ada_aug_p") if key in stored},
    ),
    "gat": Family(
        "GAT: MIT",
        lambda stored: _has(stored, "ema") and "final_layers.0.linear.weight" in stored["ema"],
        _named("generator", "discriminator", "ema"),
        lambda stored: {key: plain(stored[key]) for key in ("args", "steps") if key in stored},
    ),
    "biggan_deep_hf": Family(
        "pytorch-pretrained-BigGAN: MIT by its LICENSE file, Apache by its setup.py; the weights"
        " are DeepMind's",
        lambda stored: (
            _is_state(stored) and _has(stored, "embeddings.weight", "generator.gen_z.weight_orig")
        ),
        _flat,
        _none,
    ),
    "biggan_pytorch": Family(
        "BigGAN-PyTorch: MIT",
        lambda stored: _is_state(stored) and _has(stored, "blocks.0.0.conv1.weight"),
        _flat,
        _none,
    ),
    "cyclegan_pix2pix": Family(
        "pytorch-CycleGAN-and-pix2pix: BSD (2-clause)", _is_translator, _flat, _none
    ),
    "dcgan_example": Family(
        "pytorch/examples, dcgan: BSD-3",
        lambda stored: _only(stored, rf"main\.\d+\.{_PARTS}"),
        _flat,
        _none,
    ),
}
