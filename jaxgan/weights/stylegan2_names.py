"""StyleGAN2's tensors of other programs, under the names and in the layouts of NVIDIA's PyTorch."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

Named = dict[str, np.ndarray]


def generator_of_tensorflow(
    tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> tuple[Named, dict[str, Any]]:
    """The tensors and keyword arguments of the generator in a TensorFlow pickle.

    Args:
      tensors: of ``Gs``, by their names.
      settings: the ``static_kwargs`` that it was made with.
    """
    side, orig = settings.get("resolution", 1024), False
    found: Named = {}
    for name, value in tensors.items():
        if name == "lod":
            continue
        if name == "dlatent_avg":
            found["mapping.w_avg"] = value
        elif match := re.fullmatch(r"synthesis/noise(\d+)", name):
            found |= noise(int(match[1]), value)
        elif match := re.fullmatch(r"mapping/(?:(LabelEmbed)|Dense(\d+))/(weight|bias)", name):
            layer = "embed" if match[1] else f"fc{match[2]}"
            found[f"mapping.{layer}.{match[3]}"] = value.T
        elif name == "synthesis/4x4/Const/const":
            found["synthesis.b4.const"] = value[0]
        elif match := re.fullmatch(r"synthesis/ToRGB_lod(\d+)/(\w+)", name):
            orig, at = True, f"synthesis.b{side // 2 ** int(match[1])}.torgb"
            found |= modulated(at, match[2], value)
        elif match := re.fullmatch(r"synthesis/(\d+)x\1/(Conv|Conv0_up|Conv1|ToRGB)/(\w+)", name):
            place = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb"}
            if match[2] == "Conv0_up" and match[3] == "weight":
                value = value[::-1, ::-1]
            found |= modulated(f"synthesis.b{match[1]}.{place[match[2]]}", match[3], value)
        else:
            found[name] = value
    kept = {
        "z_dim": settings.get("latent_size", 512),
        "c_dim": settings.get("label_size", 0),
        "w_dim": settings.get("dlatent_size", 512),
        "img_resolution": side,
        "img_channels": settings.get("num_channels", 3),
        "mapping_kwargs": {
            "num_layers": settings.get("mapping_layers", 8),
            "lr_multiplier": settings.get("mapping_lrmul", 0.01),
        },
        "synthesis_kwargs": {
            "channel_base": 2 * settings.get("fmap_base", 16384),
            "channel_max": settings.get("fmap_max", 512),
            "conv_clamp": settings.get("conv_clamp"),
            "architecture": "orig" if orig else settings.get("architecture", "skip"),
        },
    }
    return found, kept


def noise(i: int, value: np.ndarray) -> Named:
    """The i-th layer's constant noise, [1, 1, H, W]."""
    at = f"synthesis.b{2 ** ((i + 5) // 2)}.{'conv0' if i % 2 else 'conv1'}"
    return {f"{at}.noise_const": value[0, 0]}


def modulated(at: str, part: str, value: np.ndarray) -> Named:
    """A tensor of a modulated convolution."""
    if part == "weight":
        return {f"{at}.weight": value.transpose(3, 2, 0, 1)}
    if part == "mod_weight":
        return {f"{at}.affine.weight": value.T}
    if part == "mod_bias":
        return {f"{at}.affine.bias": value + 1}
    return {f"{at}.{part}": value}


def discriminator_of_tensorflow(
    tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> tuple[Named, dict[str, Any]]:
    """The tensors and keyword arguments of the discriminator in a TensorFlow pickle."""
    side, orig = settings.get("resolution", 1024), False
    places = {
        "Conv0": "conv0",
        "Conv1_down": "conv1",
        "Skip": "skip",
        "Conv": "conv",
        "Dense0": "fc",
        "FromRGB": "fromrgb",
    }
    found: Named = {}
    for name, value in tensors.items():
        if name == "lod":
            continue
        if match := re.fullmatch(r"FromRGB_lod(\d+)/(weight|bias)", name):
            orig, at = True, f"b{side // 2 ** int(match[1])}.fromrgb"
        elif match := re.fullmatch(rf"(\d+)x\1/({'|'.join(places)})/(weight|bias)", name):
            at = f"b{match[1]}.{places[match[2]]}"
        elif match := re.fullmatch(r"(Output|LabelEmbed|Mapping\d+)/(weight|bias)", name):
            named = {"Output": "b4.out", "LabelEmbed": "mapping.embed"}
            at = named.get(match[1], f"mapping.{match[1].replace('Mapping', 'fc')}")
        else:
            found[name] = value
            continue
        part = name.rpartition("/")[2]
        axes = (3, 2, 0, 1) if value.ndim == 4 else tuple(range(value.ndim))[::-1]
        found[f"{at}.{part}"] = value.transpose(axes)
    kept = {
        "c_dim": settings.get("label_size", 0),
        "img_resolution": side,
        "img_channels": settings.get("num_channels", 3),
        "channel_base": 2 * settings.get("fmap_base", 16384),
        "channel_max": settings.get("fmap_max", 512),
        "conv_clamp": settings.get("conv_clamp"),
        "architecture": "orig" if orig else settings.get("architecture", "resnet"),
        "mapping_kwargs": {
            "num_layers": settings.get("mapping_layers", 8),
            "lr_multiplier": settings.get("mapping_lrmul", 0.01),
        },
        "epilogue_kwargs": {"mbstd_group_size": settings.get("mbstd_group_size", 4)},
    }
    return found, kept


def generator_of_rosinality(
    tensors: Mapping[str, np.ndarray], latent_avg: np.ndarray | None
) -> tuple[Named, dict[str, Any]]:
    """The tensors and keyword arguments of ``g_ema``; the widths are told by the shapes."""
    found: Named = {} if latent_avg is None else {"mapping.w_avg": latent_avg}
    layers = 0
    for name, value in tensors.items():
        if name.endswith((".kernel", "upsample.kernel")):
            continue
        if match := re.fullmatch(r"style\.(\d+)\.(weight|bias)", name):
            layers = max(layers, int(match[1]))
            found[f"mapping.fc{int(match[1]) - 1}.{match[2]}"] = value
        elif name == "input.input":
            found["synthesis.b4.const"] = value[0]
        elif match := re.fullmatch(r"noises\.noise_(\d+)", name):
            found |= noise(int(match[1]), value)
        elif match := re.fullmatch(r"(?:conv(1)|convs\.(\d+))\.(.+)", name):
            i = -1 if match[1] else int(match[2])
            at = f"synthesis.b{2 ** ((i + 6) // 2)}.{'conv1' if i % 2 else 'conv0'}"
            found |= rosinality_conv(at, match[3], value)
        elif match := re.fullmatch(r"to_rgb(?:(1)|s\.(\d+))\.(.+)", name):
            level = 2 if match[1] else int(match[2]) + 3
            found |= rosinality_conv(f"synthesis.b{2**level}.torgb", match[3], value)
        else:
            found[name] = value
    widths = {}
    for name, value in found.items():
        if match := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.bias", name):
            widths[int(match[1])] = len(value)
    side = max(widths)
    kept = {
        "z_dim": found["mapping.fc0.weight"].shape[1],
        "c_dim": 0,
        "w_dim": found["mapping.fc0.weight"].shape[0],
        "img_resolution": side,
        "img_channels": len(found[f"synthesis.b{side}.torgb.bias"]),
        "mapping_kwargs": {"num_layers": layers},
        "synthesis_kwargs": {
            "channel_base": side * widths[side],
            "channel_max": max(widths.values()),
            "conv_clamp": None,
        },
    }
    return found, kept


def rosinality_conv(at: str, part: str, value: np.ndarray) -> Named:
    """A tensor of one of rosinality's styled convolutions."""
    names = {
        "conv.weight": "weight",
        "conv.modulation.weight": "affine.weight",
        "conv.modulation.bias": "affine.bias",
        "noise.weight": "noise_strength",
        "activate.bias": "bias",
        "bias": "bias",
    }
    if part == "conv.weight":
        value = value[0]
    if part in ("noise.weight", "bias"):
        value = value.reshape(-1) if part == "bias" else value.reshape(())
    return {f"{at}.{names.get(part, part)}": value}


def discriminator_of_rosinality(
    tensors: Mapping[str, np.ndarray],
) -> tuple[Named, dict[str, Any]]:
    """The tensors and keyword arguments of ``d``; the widths are told by the shapes."""
    blocks = max(int(m[1]) for m in (re.match(r"convs\.(\d+)\.", k) for k in tensors) if m)
    side = 4 * 2**blocks
    parts = {
        "conv1.0.weight": "conv0.weight",
        "conv1.1.bias": "conv0.bias",
        "conv2.1.weight": "conv1.weight",
        "conv2.2.bias": "conv1.bias",
        "skip.1.weight": "skip.weight",
    }
    last = {
        "final_conv.0.weight": "b4.conv.weight",
        "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight",
        "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight",
        "final_linear.1.bias": "b4.out.bias",
        "convs.0.0.weight": f"b{side}.fromrgb.weight",
        "convs.0.1.bias": f"b{side}.fromrgb.bias",
    }
    found: Named = {}
    for name, value in tensors.items():
        if name.endswith(".kernel"):
            continue
        match = re.fullmatch(r"convs\.(\d+)\.(.+)", name)
        if name in last:
            found[last[name]] = value
        elif match and match[2] in parts:
            found[f"b{side // 2 ** (int(match[1]) - 1)}.{parts[match[2]]}"] = value
        else:
            found[name] = value
    widths = [len(v) for k, v in found.items() if k.endswith("conv0.bias")]
    kept = {
        "c_dim": 0,
        "img_resolution": side,
        "img_channels": found[f"b{side}.fromrgb.weight"].shape[1],
        "channel_base": side * len(found[f"b{side}.fromrgb.bias"]),
        "channel_max": max([*widths, len(found["b4.conv.bias"])]),
        "conv_clamp": None,
    }
    return found, kept
