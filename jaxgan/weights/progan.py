"""ProGAN's published tensors as parameters of ours: the authors' TensorFlow, and the GAN zoo's."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.fitting import Tensors, kernel

PyTree = Any
Parts = tuple[dict[str, Any], PyTree]
# What the authors' networks are built with unless told otherwise, as far as ours are no other.
FIXED = {
    "fmap_decay": 1.0,
    "use_wscale": True,
    "use_pixelnorm": True,
    "use_leakyrelu": True,
    "normalize_latents": True,
    "pixelnorm_epsilon": 1e-8,
    "mbstd_num_features": 1,
}
# Of the zoo's.
ZOO_FIXED = {"leakyReluLeak": 0.2, "perChannelNormalization": True}
# Those of the zoo's losses whose generator has no function after its last layer.
ZOO_LOSSES = ("WGANGP", "Logistic")


def generator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.progan.Generator`` and its variables, from the authors' names.

    Args:
      tensors: kernels [kh, kw, in, out], those of fused upsampling [kh, kw, out, in].
      settings: the keyword arguments that their generator was made with.

    Raises:
      ValueError: naming a setting that ours has not, or the first tensor that is missing, has
        another shape, or is of no use here.
    """
    found, side = opened(tensors, settings)
    labels = settings.get("label_size", 0)
    fields = {
        "shape": (side, side, settings.get("num_channels", 1)),
        **widths(settings),
        **grown(found, side),
        "num_classes": labels or None,
    }
    first = weighted(found, "4x4/Dense")
    params: dict[str, Any] = {
        "dense": {"kernel": maps(first["kernel"])},
        "bias": first["bias"],
    }
    fused = settings.get("fused_scale", True)
    for R in sides(side):
        if R == 4:
            params["conv_4_same"] = weighted(found, "4x4/Conv")
        else:
            up = weighted(found, f"{R}x{R}/{'Conv0_up' if fused else 'Conv0'}")
            if fused:  # stored for a transposed convolution
                up["kernel"] = up["kernel"].swapaxes(2, 3)[::-1, ::-1]
            params[f"conv_{R}_up"] = up
            params[f"conv_{R}_same"] = weighted(found, f"{R}x{R}/Conv1")
        params[f"to_image_{R}"] = weighted(found, f"ToRGB_lod{lod_of(side, R)}")
    found.check_empty()
    return fields, {"params": params}


def discriminator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.progan.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    found, side = opened(tensors, settings)
    labels = settings.get("label_size", 0)
    group = settings.get("mbstd_group_size", 4)
    fields = {
        **widths(settings),
        **grown(found, side),
        "minibatch_stddev": group if group > 1 else 0,
        "interleaved": True,
        "fused": settings.get("fused_scale", True),
        "heads": (("classes", labels),) if labels else (),
    }
    params: dict[str, Any] = {}
    for R in sides(side):
        params[f"from_image_{R}"] = weighted(found, f"FromRGB_lod{lod_of(side, R)}")
        if R > 4:
            down = "Conv1_down" if fields["fused"] else "Conv1"
            params[f"conv_{R}_same"] = weighted(found, f"{R}x{R}/Conv0")
            params[f"conv_{R}_down"] = weighted(found, f"{R}x{R}/{down}")
    params["conv_4_same"] = weighted(found, "4x4/Conv")
    dense = weighted(found, "4x4/Dense0")
    params["dense"] = {**dense, "kernel": flat(dense["kernel"])}
    last = weighted(found, "4x4/Dense1")
    params.update(outputs(last["kernel"], last["bias"]))
    found.check_empty()
    return fields, {"params": params}


def opened(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> tuple[Tensors, int]:
    """The authors' tensors to be taken, and the side of an image.

    Raises:
      ValueError: naming a setting that our networks have not.
    """
    check_settings(settings, FIXED)
    return Tensors(tensors), settings.get("resolution", 32)


def check_settings(settings: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Refuses what our networks cannot be.

    Raises:
      ValueError: naming the setting.
    """
    for name, value in fixed.items():
        if settings.get(name, value) != value:
            raise ValueError(f"{name}={settings[name]!r} is of a network that is not known here")


def widths(settings: Mapping[str, Any]) -> dict[str, int]:
    """The widths of the authors' networks, who count them from half the side."""
    base = settings.get("fmap_base", 8192)
    return {"width": 2 * base, "max_width": settings.get("fmap_max", 512)}


def grown(found: Tensors, side: int) -> dict[str, Any]:
    """The stage at which the authors' network was saved."""
    lod = float(found.take("lod"))
    return {"stage": side // 2 ** math.floor(lod), "alpha": 1 - (lod - math.floor(lod))}


def sides(side: int) -> list[int]:
    """Of the maps, 4 first."""
    return [2**i for i in range(2, side.bit_length())]


def lod_of(side: int, R: int) -> int:
    """How many halvings of an image leave the side R."""
    return side.bit_length() - R.bit_length()


def weighted(found: Tensors, at: str) -> dict[str, np.ndarray]:
    """``AT/weight`` as it is, and ``AT/bias``."""
    key = f"{at}/weight"
    weight = found.take(key, 2 if "Dense" in at else 4)
    return {"kernel": weight, "bias": found.take(f"{at}/bias", 1)}


def flat(weight: np.ndarray) -> np.ndarray:
    """[C * 16, out] of maps of side 4, channels first, as of channels last."""
    out = weight.shape[1]
    return weight.reshape(-1, 16, out).swapaxes(0, 1).reshape(-1, out)


def maps(weight: np.ndarray) -> np.ndarray:
    """[in, C * 16] to maps of side 4, channels first, as to channels last."""
    return weight.reshape(len(weight), -1, 16).swapaxes(1, 2).reshape(len(weight), -1)


def outputs(weight: np.ndarray, bias: np.ndarray) -> dict[str, Any]:
    """D's last layer [in, 1 + classes], cut in logits and what is said of classes."""
    made = {"logits": {"kernel": weight[:, :1], "bias": bias[:1]}}
    if len(bias) > 1:
        made["head_classes"] = {"kernel": weight[:, 1:], "bias": bias[1:]}
    return made


# The GAN zoo's, which multiplies biases by He's constant too: that is put into our parameters.


def zoo_generator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.progan.Generator`` and its variables, from the zoo's names.

    Args:
      tensors: kernels [out, in, kh, kw] and [out, in].
      settings: of the file's ``config``.

    Raises:
      ValueError: as ``generator`` does.
    """
    found, depths, shared = zoo_opened(tensors, settings, "toRGBLayers")
    equalized = settings.get("equalizedlR", True)
    first = scaled(found, "formatLayer", equalized, gain=math.sqrt(2) / 4)
    bias = maps(first["bias"][None])[0]
    params: dict[str, Any] = {"dense": {"kernel": maps(first["kernel"]), "bias": bias}}
    params["conv_4_same"] = scaled(found, "groupScale0.0", equalized)
    for i, R in enumerate(sides(2 ** (len(depths) + 1))):
        if i:
            params[f"conv_{R}_up"] = scaled(found, f"scaleLayers.{i - 1}.0", equalized)
            params[f"conv_{R}_same"] = scaled(found, f"scaleLayers.{i - 1}.1", equalized)
        params[f"to_image_{R}"] = scaled(found, f"toRGBLayers.{i}", equalized, gain=1.0)
    found.check_empty()
    side = 2 ** (len(depths) + 1)
    image = (side, side, len(params["to_image_4"]["bias"]))
    classes = settings.get("categoryVectorDim") or None
    more = {"shape": image, "bias_per_pixel": True, "num_classes": classes}
    return {**more, **shared}, {"params": params}


def zoo_discriminator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.progan.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    found, depths, shared = zoo_opened(tensors, settings, "fromRGBLayers")
    equalized = settings.get("equalizedlR", True)
    params: dict[str, Any] = {}
    for i, R in enumerate(sides(2 ** (len(depths) + 1))):
        params[f"from_image_{R}"] = scaled(found, f"fromRGBLayers.{i}", equalized)
        if i:
            params[f"conv_{R}_same"] = scaled(found, f"scaleLayers.{i - 1}.0", equalized)
            params[f"conv_{R}_down"] = scaled(found, f"scaleLayers.{i - 1}.1", equalized)
    params["conv_4_same"] = scaled(found, "groupScaleZero.0", equalized)
    dense = scaled(found, "groupScaleZero.1", equalized)
    params["dense"] = {**dense, "kernel": flat(dense["kernel"])}
    last = scaled(found, "decisionLayer", equalized, gain=1.0)
    params.update(outputs(last["kernel"], last["bias"]))
    found.check_empty()
    classes = len(last["bias"]) - 1
    fields = {
        **shared,
        "minibatch_stddev": 4 if settings.get("miniBatchStdDev", True) else 0,
        "unbiased": True,
        "fused": False,
        "heads": (("classes", classes),) if classes else (),
    }
    return fields, {"params": params}


def zoo_opened(
    tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any], layers: str
) -> tuple[Tensors, tuple[int, ...], dict[str, Any]]:
    """The zoo's tensors to be taken, the channels of each stage, and the fields of both players.

    Raises:
      ValueError: naming a setting that our networks have not.
    """
    check_settings(settings, ZOO_FIXED)
    loss = settings.get("lossCriterion", ZOO_LOSSES[0])
    if loss not in ZOO_LOSSES:
        raise ValueError(f"lossCriterion={loss!r} is of a network that is not known here")
    stages = sum(key.startswith(f"{layers}.") and key.endswith(".weight") for key in tensors)
    depths = (settings["depthScale0"], *settings["depthOtherScales"])[:stages]
    # Their alpha is the share of the stage before.
    fields = {"widths": tuple(depths), "alpha": 1 - float(settings.get("alpha", 0))}
    return Tensors(tensors), tuple(depths), fields


def scaled(
    found: Tensors, at: str, equalized: bool, gain: float = math.sqrt(2)
) -> dict[str, np.ndarray]:
    """A layer of the zoo's as one of ours whose gain it is."""
    weight, bias = found.take(f"{at}.module.weight"), found.take(f"{at}.module.bias")
    fan_in = math.prod(weight.shape[1:])
    theirs = math.sqrt(2 / fan_in) if equalized else 1.0
    ours = gain / math.sqrt(fan_in)
    weight = kernel(weight) if weight.ndim == 4 else weight.T
    return {"kernel": weight * np.float32(theirs / ours), "bias": bias * np.float32(theirs)}
