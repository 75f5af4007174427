"""GAT's checkpoints as variables of ``networks.gat``; the shapes tell the architecture."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.biggan import shape_of
from jaxgan.weights.fitting import Fitted, Tensors, dense
from jaxgan.weights.reading import File

PyTree = Any
Parts = tuple[dict[str, Any], PyTree]
FAMILIES = ("gat",)
TABLE, WIDE = "pos_embed", "x_embedder.proj.weight"


def fit(file: File) -> Fitted:
    """The averaged generator of a checkpoint and its discriminator.

    Raises:
      ValueError: if a tensor does not fit.
    """
    latent_dim, fields, g = generator(file.networks["ema"])
    d_fields, d = None, None
    if "discriminator" in file.networks:
        d_fields, d = discriminator(file.networks["discriminator"])
    return Fitted("gat", latent_dim, fields, g, d_fields, d)


def generator(tensors: Mapping[str, np.ndarray]) -> tuple[int, dict[str, Any], PyTree]:
    """The length of z, the fields of ``networks.gat.Generator`` and its variables.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    found, fields = common(tensors)
    classes, latent_dim = shape_of(tensors, "y_embedder.embedding_table.weight", 2)
    found.take(WIDE)  # of an input that is multiplied by 0
    found.take("x_embedder.proj.bias")
    side = fields["patch"] * math.isqrt(shape_of(tensors, TABLE, 3)[1])
    stages = count(tensors, "final_layers")
    values = shape_of(tensors, "final_layers.0.linear.weight", 2)[0]
    params: PyTree = {
        "mapping": {
            "labels": {"embedding": found.take("y_embedder.embedding_table.weight", 2)},
            "dense_0": dense(found, "latent_embedder.0"),
            "dense_1": dense(found, "latent_embedder.2"),
        }
    }
    for i in range(fields["depth"]):
        modulation = dense(found, f"blocks.{i}.adaLN_modulation.1")
        params[f"blocks_{i}"] = {**block(found, f"blocks.{i}"), "modulation": modulation}
    for i in range(stages):
        params[f"heads_{i}"] = {
            "modulation": dense(found, f"final_layers.{i}.adaLN_modulation.1"),
            "output": dense(found, f"final_layers.{i}.linear"),
        }
    g = {"params": params, "w_avg": {"mean": found.take("w_avg", 2)}}
    found.check_empty()
    shape = (side, side, values // fields["patch"] ** 2)
    return latent_dim, {**fields, "shape": shape, "stages": stages, "num_classes": classes}, g


def discriminator(tensors: Mapping[str, np.ndarray]) -> Parts:
    """The fields of ``networks.gat.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    found, fields = common(tensors)
    table = "y_embedder.embedding_table.weight"
    classes, features = shape_of(tensors, table, 2)
    kernel = found.take(WIDE, 4)
    params: PyTree = {
        "from_image": {
            "kernel": kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel)),
            "bias": found.take("x_embedder.proj.bias", 1),
        },
        "class_token": found.take("cls_token", 3).reshape(-1),
        "labels": {"embedding": found.take(table, 2)},
        "label_0": dense(found, "y_embedder.latent_embedder.0"),
        "label_1": dense(found, "y_embedder.latent_embedder.2"),
        "norm": {"scale": found.take("final_layer.0.weight", 1)},
        "logits": dense(found, "final_layer.1"),
    }
    aligned = {}
    if "proj.0.weight" in tensors:
        aligned = {
            "aligned_width": shape_of(tensors, "proj.0.weight", 2)[0],
            "aligned": shape_of(tensors, "proj.4.weight", 2)[0],
        }
        params |= {f"aligned_{i}": dense(found, f"proj.{2 * i}") for i in range(3)}
    for i in range(fields["depth"]):
        at = f"blocks.{i}"
        params[f"block_{i}"] = {
            **block(found, at),
            "norm_0": {"scale": found.take(f"{at}.norm1.weight", 1)},
            "norm_1": {"scale": found.take(f"{at}.norm2.weight", 1)},
            "scale_0": found.take(f"{at}.ls_attn", 1),
            "scale_1": found.take(f"{at}.ls_mlp", 1),
        }
    found.check_empty()
    told = {"label_features": features, "num_classes": classes, **aligned}
    return {**fields, **told}, {"params": params}


def common(tensors: Mapping[str, np.ndarray]) -> tuple[Tensors, dict[str, Any]]:
    """The tensors, without what is a table and no parameter; and the fields of both networks."""
    found = Tensors(tensors)
    for name in (TABLE, "feat_rope.freqs_cos", "feat_rope.freqs_sin"):
        found.take(name)
    width, _, patch, _ = shape_of(tensors, WIDE, 4)
    head = shape_of(tensors, "blocks.0.attn.q_norm.weight", 1)[0]
    fields = {"patch": patch, "width": width, "attention_heads": width // head}
    return found, {**fields, "depth": count(tensors, "blocks")}


def count(tensors: Mapping[str, np.ndarray], name: str) -> int:
    """How many modules there are in a list."""
    numbers = (re.match(rf"{name}\.(\d+)\.", key) for key in tensors)
    return 1 + max((int(number[1]) for number in numbers if number), default=-1)


def block(found: Tensors, at: str) -> dict[str, Any]:
    """What a block has in both networks."""
    return {
        "attention": {
            "qkv": dense(found, f"{at}.attn.qkv"),
            "query_norm": {"scale": found.take(f"{at}.attn.q_norm.weight", 1)},
            "key_norm": {"scale": found.take(f"{at}.attn.k_norm.weight", 1)},
            "output": dense(found, f"{at}.attn.proj"),
        },
        "unit": {
            "gate_and_value": dense(found, f"{at}.mlp.w12"),
            "output": dense(found, f"{at}.mlp.w3"),
        },
    }
