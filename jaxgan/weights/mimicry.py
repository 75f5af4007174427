"""Mimicry's tensors (SNGAN, cGAN-PD, SAGAN) as variables of ``networks.mimicry``."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.networks.mimicry import DOWN, HALVINGS, UP
from jaxgan.weights.biggan import ATTENTION, Parts, PyTree, shape_of
from jaxgan.weights.torch_layers import Layers, channels_last


def generator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.mimicry.Generator`` and its variables.

    Args:
      tensors: the ``model_state_dict`` of ``netG_STEP_steps.pth``.
      settings: not needed; the shapes tell.
      training: whether spectral norm's vectors shall be those before a call in training: its own
        layers iterate in evaluation, too, without keeping the result.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    layers = Layers(tensors, training=training)
    count = count_blocks(tensors)
    last = count + 2
    channels = [
        shape_of(tensors, weight_key(tensors, f"block{i + 2}.c1"), 4)[1] for i in range(count)
    ]
    colours, final = shape_of(tensors, weight_key(tensors, f"c{last}"), 4)[:2]
    channels.append(final)
    start, z = shape_of(tensors, weight_key(tensors, "l1"), 2)
    bottom = round((start / channels[0]) ** 0.5)
    side = bottom * 2**count
    table = UP.get(side, (1,) * (count + 1))
    conditional = "block2.b1.embed.weight" in tensors
    attention = 0
    if "attn_block.gamma" in tensors:
        # Behind the last but one at 32 pixels, behind the third at 128.
        attention = side // 2 if side <= 32 else side // 4
    fields: dict[str, Any] = {
        "shape": (side, side, colours),
        "width": channels[0],
        "attention": attention,
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": shape_of(tensors, "block2.b1.embed.weight", 2)[0] if conditional else None,
    }
    widths = [channels[0] // n for n in table]
    order = channels_last(widths[0], bottom)
    layers.kernel("Dense_0", "l1", bottom**2 * widths[0], z, outputs=order)
    for i, (inner, features) in enumerate(itertools.pairwise(widths)):
        path, at = f"UpBlock_{i}", f"block{i + 2}"
        for j, C in enumerate((inner, features)):
            norm(layers, path, j, f"{at}.b{j + 1}", C, fields["num_classes"])
        layers.kernel(f"{path}/Conv_0", f"{at}.c1", features, inner, 3, 3)
        layers.kernel(f"{path}/Conv_1", f"{at}.c2", features, features, 3, 3)
        layers.kernel(f"{path}/shortcut", f"{at}.c_sc", features, inner, 1, 1)
        if bottom * 2 ** (i + 1) == attention:
            layers.attention("SelfAttention_0", "attn_block", features, ATTENTION)
    norm(layers, "", 0, f"b{last}", widths[-1], None)
    layers.kernel("Conv_0", f"c{last}", colours, widths[-1], 3, 3)
    return fields, layers.variables()


def discriminator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.mimicry.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    layers = Layers(tensors, training=training)
    count = count_blocks(tensors)
    # Those of 48 and 64 pixels are the same but for what is halved.
    side = {5: 64, 6: 128}.get(count, 32)
    table = DOWN.get(side, (1, 1, 1, 1))
    features, colours = shape_of(tensors, weight_key(tensors, "block1.c1"), 4)[:2]
    width = features * table[0]
    conditional = weight_key(tensors, "l_y") in tensors
    classes = shape_of(tensors, weight_key(tensors, "l_y"), 2)[0] if conditional else None
    attention = side // 4 if "attn_block.gamma" in tensors else 0
    fields: dict[str, Any] = {
        "width": width,
        "attention": attention,
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": classes,
    }
    inner = colours
    for i, n in enumerate(table):
        path, at, features = f"DownBlock_{i}", f"block{i + 1}", width // n
        hidden = features if i == 0 else inner
        layers.kernel(f"{path}/Conv_0", f"{at}.c1", hidden, inner, 3, 3)
        layers.kernel(f"{path}/Conv_1", f"{at}.c2", features, hidden, 3, 3)
        if i < HALVINGS.get(side, 2) or inner != features:
            layers.kernel(f"{path}/shortcut", f"{at}.c_sc", features, inner, 1, 1)
        if i == 1 and attention:
            layers.attention("SelfAttention_0", "attn_block", features, ATTENTION)
        inner = features
    at = next((k.split(".")[0] for k in tensors if k.startswith("l") and k[1].isdigit()), "l5")
    if classes:
        layers.kernel("logits/linear", at, 1, inner)
        layers.table("logits/embedding", "l_y", classes, inner, spectral=layers.spectral)
    else:
        layers.kernel("logits", at, 1, inner)
    return fields, layers.variables()


def latent_dim(fields: Mapping[str, Any], variables: Mapping[str, PyTree]) -> int:
    """How long the latents are of a generator that ``generator`` gave."""
    return len(variables["params"]["Dense_0"]["kernel"])


def count_blocks(tensors: Mapping[str, np.ndarray]) -> int:
    """How many blocks there are."""
    return len({key.split(".")[0] for key in tensors if key.startswith("block")})


def weight_key(tensors: Mapping[str, np.ndarray], at: str) -> str:
    """The key of a layer's weight, spectrally normalized by PyTorch or not."""
    key = f"{at}.weight_orig"
    return key if key in tensors else f"{at}.weight"


def norm(layers: Layers, path: str, i: int, at: str, channels: int, classes: int | None) -> None:
    """The i-th batch norm of a block, by label or not; theirs has a scale that is not less 1."""
    if classes is None:
        path = f"{path}/BatchNorm_{i}".removeprefix("/")
        scale, bias = (layers.take(f"{at}.{name}", channels) for name in ("weight", "bias"))
        layers.put("params", path, scale=scale, bias=bias)
        layers.statistics(path, at, channels)
        return
    path = f"{path}/ConditionalBatchNorm_{i}"
    scale, bias = np.split(layers.take(f"{at}.embed.weight", classes, 2 * channels), 2, axis=1)
    layers.put("params", f"{path}/Modulation_0/scale", embedding=scale - 1)
    layers.put("params", f"{path}/Modulation_0/bias", embedding=bias)
    layers.statistics(f"{path}/norm", at, channels)
