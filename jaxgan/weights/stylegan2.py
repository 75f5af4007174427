"""StyleGAN2's published tensors as parameters of ours, from NVIDIA's PyTorch names."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import networks
from jaxgan.weights import stylegan2_names
from jaxgan.weights.fitting import Fitted, Tensors, dense, kernel
from jaxgan.weights.reading import File

PyTree = Any
Parts = tuple[dict[str, Any], PyTree]
Given = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]
FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def generator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.stylegan2.Generator`` and its variables.

    Args:
      tensors: by NVIDIA's names, [out, in, kh, kw] and [out, in].
      settings: the keyword arguments that their generator was made with.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    synthesis = dict(settings.get("synthesis_kwargs", {}))
    mapping = dict(settings.get("mapping_kwargs", {}))
    side, classes = settings["img_resolution"], settings["c_dim"]
    fields = {
        "shape": (side, side, settings["img_channels"]),
        "width": synthesis.get("channel_base", 32768),
        "max_width": synthesis.get("channel_max", 512),
        "features": settings["w_dim"],
        "mapping_layers": mapping.get("num_layers", 8),
        "lr_multiplier": mapping.get("lr_multiplier", 0.01),
        "architecture": synthesis.get("architecture", "skip"),
        "clamp": float(synthesis.get("conv_clamp") or 0),
        "num_classes": classes or None,
    }
    found = Tensors(tensors)
    check_filters(found)
    params: dict[str, Any] = {"mapping": map_latents(found, fields["mapping_layers"], classes)}
    synthesized: dict[str, Any] = {}
    noise: dict[str, Any] = {}
    const = found.take("synthesis.b4.const", 3)
    synthesized["const"] = const.transpose(1, 2, 0)[None]
    for level in range(2, side.bit_length()):
        at, R = f"synthesis.b{2**level}", 2**level
        for theirs, ours in (("conv0", "up"), ("conv1", "same")):
            if R == 4 and ours == "up":
                continue
            name = f"conv_{R}_{ours}"
            synthesized[name] = {
                "conv": styled(found, f"{at}.{theirs}", turned=ours == "up"),
                "noise": {"strength": found.take(f"{at}.{theirs}.noise_strength").reshape(())},
            }
            maps = found.take(f"{at}.{theirs}.noise_const", 2)
            noise[name] = {"const": maps[None, :, :, None]}
        if fields["architecture"] == "skip" or side == R:
            synthesized[f"to_image_{R}"] = styled(found, f"{at}.torgb")
    params["synthesis"] = synthesized
    # Training files of rosinality's have none.
    w_avg = {"mean": found.take("mapping.w_avg")} if "mapping.w_avg" in found.left else {}
    found.check_empty()
    return fields, {"params": params, "noise": {"synthesis": noise}, "w_avg": w_avg}


def discriminator(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.stylegan2.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    side, classes = settings["img_resolution"], settings["c_dim"]
    mapping = dict(settings.get("mapping_kwargs", {}))
    epilogue = dict(settings.get("epilogue_kwargs", {}))
    fields = {
        "width": settings.get("channel_base", 32768),
        "max_width": settings.get("channel_max", 512),
        "mapping_layers": mapping.get("num_layers", 8),
        "lr_multiplier": mapping.get("lr_multiplier", 0.01),
        "architecture": settings.get("architecture", "resnet"),
        "minibatch_stddev": epilogue.get("mbstd_group_size", 4) or 0,
        "interleaved": True,
        "clamp": float(settings.get("conv_clamp") or 0),
        "num_classes": classes or None,
    }
    found = Tensors(tensors)
    check_filters(found)
    params: dict[str, Any] = {"from_image": biased(found, f"b{side}.fromrgb")}
    for level in range(side.bit_length() - 1, 2, -1):
        at, R = f"b{2**level}", 2**level
        params[f"conv_{R}_same"] = biased(found, f"{at}.conv0")
        params[f"conv_{R}_down"] = biased(found, f"{at}.conv1")
        if fields["architecture"] == "resnet":
            params[f"shortcut_{R}"] = {"kernel": kernel(found.take(f"{at}.skip.weight", 4))}
    params["conv_4"] = biased(found, "b4.conv")
    fc = found.take("b4.fc.weight", 2)
    # Their rows are channels first.
    fc = fc.reshape(len(fc), -1, 4, 4).transpose(2, 3, 1, 0).reshape(-1, len(fc))
    params["dense"] = {"kernel": fc, "bias": found.take("b4.fc.bias")}
    params["logits"] = dense(found, "b4.out")
    if classes:
        params["mapping"] = map_latents(found, fields["mapping_layers"], classes)
    found.check_empty()
    return fields, {"params": params}


def check_filters(found: Tensors) -> None:
    """Takes the resampling filters out, which are no parameters here.

    Raises:
      ValueError: if one is not the usual one.
    """
    for key in [key for key in found.left if key.endswith("resample_filter")]:
        if not np.allclose(found.take(key), FILTER, atol=1e-6):
            raise ValueError(f"{key} is another filter than [1, 3, 3, 1]")


def map_latents(found: Tensors, layers: int, classes: int) -> dict[str, Any]:
    """The mapping network."""
    made = {f"dense_{i}": dense(found, f"mapping.fc{i}") for i in range(layers)}
    return {**made, "embed": dense(found, "mapping.embed")} if classes else made


def biased(found: Tensors, at: str) -> dict[str, np.ndarray]:
    """A convolution with a bias."""
    return {"kernel": kernel(found.take(f"{at}.weight", 4)), "bias": found.take(f"{at}.bias", 1)}


def styled(found: Tensors, at: str, turned: bool = False) -> dict[str, Any]:
    """A modulated convolution; that of an upsampling layer is stored ``turned`` by 180 degrees."""
    made = biased(found, at)
    if turned:
        made["kernel"] = made["kernel"][::-1, ::-1]
    return {**made, "style": dense(found, f"{at}.affine")}


def fit(file: File) -> Fitted:
    """The averaged generator of a file and its discriminator, if there is one.

    Raises:
      ValueError: as ``generator`` does.
    """
    given, judge = PROGRAMS[file.family](file)
    fields, g = generator(*given)
    z_dim = given[1]["z_dim"]
    g["w_avg"] = g["w_avg"] or {"mean": mean_w(fields, g, z_dim)}
    d_fields, d = (None, None) if judge is None else discriminator(*judge)
    return Fitted("stylegan2", z_dim, fields, g, d_fields, d)


def mean_w(fields: Mapping[str, Any], g: PyTree, z_dim: int) -> np.ndarray:
    """The mean of w over 4,096 latents, of a file that keeps none."""
    module: Any = networks.find_class("generator", "stylegan2")(**fields)
    z = jax.random.normal(jax.random.key(0), (4096, z_dim), jnp.float32)
    zero = {"mean": jnp.zeros((module.features,), jnp.float32)}
    w = module.apply({**g, "w_avg": zero}, z, train=False, method="map")
    return np.asarray(w.mean(axis=0))


def of_nvidia(file: File) -> tuple[Given, Given | None]:
    """The tensors and settings of both networks, of StyleGAN2-ADA's PyTorch code."""
    found = {
        name: (file.networks[name], file.settings[name]["init_kwargs"])
        for name in ("G_ema", "D")
        if name in file.networks
    }
    return found["G_ema"], found.get("D")


def of_tensorflow(file: File) -> tuple[Given, Given | None]:
    """Those of the TensorFlow code."""
    g, d = (file.settings[name]["static_kwargs"] for name in ("Gs", "D"))
    return (
        stylegan2_names.generator_of_tensorflow(file.networks["Gs"], g),
        stylegan2_names.discriminator_of_tensorflow(file.networks["D"], d),
    )


def of_rosinality(file: File) -> tuple[Given, Given | None]:
    """Those of rosinality's code."""
    average = file.networks.get("", {}).get("latent_avg")
    given = stylegan2_names.generator_of_rosinality(file.networks["g_ema"], average)
    if "d" not in file.networks:
        return given, None
    return given, stylegan2_names.discriminator_of_rosinality(file.networks["d"])


PROGRAMS = {
    "stylegan2_ada_pytorch": of_nvidia,
    "stylegan2_tf": of_tensorflow,
    "stylegan2_rosinality": of_rosinality,
}
