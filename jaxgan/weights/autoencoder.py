"""Published weights of a Stable Diffusion VAE, as diffusers' ``AutoencoderKL`` stores them.

A ``.safetensors`` file and the ``config.json`` beside it. Its names are those of today
(``to_q``, ``to_k``, ``to_v``, ``to_out.0`` of the attention) or the older ones (``query``, ``key``,
``value``, ``proj_attn``).
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.base import errors, files
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.networks import autoencoder
from jaxgan.weights import autoencoder_config, containers
from jaxgan.weights.fitting import Tensors, kernel

PyTree = Any
SUFFIX = ".safetensors"
# Of several files in a folder.
USUAL = "diffusion_pytorch_model.safetensors"
# What they call our layers at either end, of a residual block, and of an attention; and before.
OF_ENDS = {"conv_in": "conv_in", "conv_out": "conv_out", "norm_out": "conv_norm_out"}
OF_BLOCK = {
    "norm_0": "norm1",
    "conv_0": "conv1",
    "norm_1": "norm2",
    "conv_1": "conv2",
    "shortcut": "conv_shortcut",
}
OF_ATTENTION = {
    "norm": "group_norm",
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "output": "to_out.0",
}
OLDER = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def is_published(place: Path) -> bool:
    """Whether a path is a file of weights, or a folder with one."""
    return place.is_file() or (place.is_dir() and any(place.glob(f"*{SUFFIX}")))


def load(path: files.Place, shape: tuple[int, ...] | None = None) -> Autoencoder:
    """The autoencoder in a folder or its ``.safetensors`` file, in float32; no code is run.

    Scale and shift are its config's ``scaling_factor`` (0.18215 without one) and ``shift_factor``
    (0).

    Args:
      path: of the folder or the file, beside which lies ``config.json``.
      shape: [H, W, C] of the images that it is for; those that it was trained on by default.

    Raises:
      UserError: in one line, if either file is not there or damaged, the config says what cannot be
        built here, a tensor is missing, too many or of another shape, or images of ``shape`` cannot
        be encoded.
    """
    place = find(files.expanded(path))
    config = autoencoder_config.read(place)
    side, channels = config["sample_size"], config["in_channels"]
    image = tuple(shape or (side, side, channels))
    with errors.stage("building the networks of", f"{place} ({autoencoder_config.CLASS})"):
        if image[-1] != channels:
            raise ValueError(f"it is of images of {channels} channels, not {image[-1]}")
        halvings = len(config["block_out_channels"]) - 1
        size = math.prod(image[:2]) // 4**halvings * config["latent_channels"]
        latent = autoencoder.latent_map(image, halvings, size)
        networks = built(config, image, size)
        variables = read_variables(place, networks, {"encoder": image, "decoder": (size,)})
    encoder, decoder = networks["encoder"], networks["decoder"]

    def encode(variables: PyTree, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        q = encoder.apply(variables["encoder"], images, train=False)
        mean, log_variance = (x.reshape(-1, *latent) for x in (q.mean, q.log_variance))
        return mean, jnp.exp(log_variance / 2)

    def decode(variables: PyTree, latents: jax.Array) -> jax.Array:
        flat = latents.reshape(-1, size)
        images: jax.Array = decoder.apply(variables["decoder"], flat, train=False)
        return images

    return Autoencoder(
        name=str(path),
        digest=digest_of(place, config),
        shape=image,
        latent=latent,
        scale=(float(config["scaling_factor"]),) * latent[-1],
        shift=(float(config["shift_factor"] or 0.0),) * latent[-1],
        variables=variables,
        encode=encode,
        decode=decode,
    )


def digest_of(place: Path, config: Mapping[str, Any]) -> str:
    """A digest of a file of weights, and of its settings."""
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(config, sort_keys=True).encode())
    return digest.hexdigest()


def find(place: Path) -> Path:
    """The file of weights that a path names, or that lies in it.

    Raises:
      UserError: if there is none, or which of several is not clear.
    """
    if not place.is_dir():
        if place.suffix != SUFFIX or not place.is_file():
            told = f"is no {SUFFIX} file" if place.exists() else "is not there"
            raise errors.UserError(f"{place} {told}; name an autoencoder's, or its folder")
        return place
    found = sorted(place.glob(f"*{SUFFIX}"))
    if place / USUAL in found:
        return place / USUAL
    if len(found) != 1:
        names = ", ".join(each.name for each in found) or "none"
        raise errors.UserError(f"{place} must have one {SUFFIX} file, or {USUAL}; it has: {names}")
    return found[0]


def built(config: Mapping[str, Any], shape: tuple[int, ...], size: int) -> dict[str, Any]:
    """Both networks of a config, for images of ``shape`` and ``size`` latents."""
    same: dict[str, Any] = {
        "widths": tuple(config["block_out_channels"]),
        "blocks": config["layers_per_block"],
        "groups": config["norm_num_groups"],
        "middle_attention": config["mid_block_add_attention"],
    }
    return {
        "encoder": autoencoder.Encoder((size,), pointwise=config["use_quant_conv"], **same),
        "decoder": autoencoder.Generator(shape, pointwise=config["use_post_quant_conv"], **same),
    }


def read_variables(
    place: Path, networks: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> PyTree:
    """The variables of each network, of which inputs of these shapes come in, from a file.

    Raises:
      UserError: if it is no such file, or damaged.
      ValueError: naming the first tensor that is missing, too many or of another shape.
    """
    with containers.opened(place) as stored:
        found = stored if isinstance(stored, dict) else {}
        if not found or not all(isinstance(value, np.ndarray) for value in found.values()):
            raise errors.UserError(f"{place} is no {SUFFIX} file of such tensors")
    tensors = Tensors(found)
    variables = {name: fit(tensors, name, networks[name], *shapes[name]) for name in networks}
    tensors.check_empty()
    return variables


def fit(tensors: Tensors, network: str, module: nn.Module, *shape: int) -> PyTree:
    """The variables of a network of which ``shape`` comes in, each from the tensor that it is.

    Raises:
      ValueError: naming the first tensor that is missing or of another shape.
    """
    start = jax.eval_shape(
        lambda key: module.init(key, jnp.zeros((1, *shape)), train=False), jax.random.key(0)
    )
    stages = len(module.widths)

    def taken(path: tuple[Any, ...], due: jax.ShapeDtypeStruct) -> np.ndarray:
        _, *layer, name = (entry.key for entry in path)
        at = f"{origin(network, layer, stages)}.{'bias' if name == 'bias' else 'weight'}"
        at = next((key for key in (at, older(at)) if key in tensors.left), at)
        value = tensors.take(at, due.ndim)
        ours = kernel(value) if due.ndim == 4 else value.T
        if ours.shape != due.shape:
            there = kernel(np.empty(due.shape)).shape if due.ndim == 4 else due.shape[::-1]
            raise ValueError(f"{at!r} is {list(value.shape)}, and {list(there)} is due here")
        return np.ascontiguousarray(ours)

    return jax.tree_util.tree_map_with_path(taken, start)


def origin(network: str, layer: Sequence[str], stages: int) -> str:
    """What diffusers calls a layer of ours, by its path in the encoder or decoder."""
    first, last, encodes = layer[0], layer[-1], network == "encoder"
    if first == "pointwise":
        return "quant_conv" if encodes else "post_quant_conv"
    if first in OF_ENDS:
        return f"{network}.{OF_ENDS[first]}"
    if first == "middle":
        within = f"{network}.mid_block"
        if layer[1] == "attention":
            return f"{within}.attentions.0.{OF_ATTENTION[last]}"
        return f"{within}.resnets.{layer[1].removeprefix('block_')}.{OF_BLOCK[last]}"
    _, i, *j = first.split("_")
    # Ours count the finest map first, and so does their encoder.
    side, number = ("down", int(i)) if encodes else ("up", stages - 1 - int(i))
    within = f"{network}.{side}_blocks.{number}"
    return (
        f"{within}.{side}samplers.0.conv" if not j else f"{within}.resnets.{j[0]}.{OF_BLOCK[last]}"
    )


def older(key: str) -> str:
    """What a tensor of an attention was called before; any other as it is."""
    for name, before in OLDER.items():
        key = key.replace(f".attentions.0.{name}.", f".attentions.0.{before}.")
    return key
