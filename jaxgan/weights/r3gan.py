"""R3GAN's published tensors as variables of ``networks.r3gan``; the shapes tell the architecture.

Theirs computes some stages in bfloat16, with float32 weights; ours is all float32.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.networks.r3gan import SMALLEST
from jaxgan.weights.biggan import shape_of
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File
from jaxgan.weights.stylegan2 import FILTER
from jaxgan.weights.torch_layers import Layers

PyTree = Any
Parts = tuple[dict[str, Any], PyTree]
Tensors = Mapping[str, np.ndarray]
FAMILIES = ("r3gan",)
STAGES = "Model.MainLayers"
LABELS = "Model.EmbeddingLayer.weight"


def fit(file: File) -> Fitted:
    """The averaged generator of a ``network-snapshot-*.pkl`` and its discriminator.

    Raises:
      ValueError: if a tensor does not fit.
    """
    fields, g = generator(file.networks["G_ema"])
    d_fields, d = discriminator(file.networks["D"]) if "D" in file.networks else (None, None)
    into = len(g["params"]["Dense_0"]["kernel"])
    latent_dim = into - (fields["embedding"] if fields["num_classes"] else 0)
    return Fitted("r3gan", latent_dim, fields, g, d_fields, d)


def generator(tensors: Tensors) -> Parts:
    """The fields of ``networks.r3gan.Generator`` and its variables.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    layers, counts = Layers(tensors), count_blocks(tensors)
    at = f"{STAGES}.0.Layers.0"
    wide, into = shape_of(tensors, f"{at}.LinearLayer.weight", 2)
    basis = layers.take(f"{at}.Basis", wide, SMALLEST, SMALLEST)
    layers.put("params", "", basis=basis.transpose(1, 2, 0))
    layers.kernel("Dense_0", f"{at}.LinearLayer", wide, into, bias=False)
    widths, groups, expansion = [], [], 2.0
    for stage, count in enumerate(counts):
        at = f"{STAGES}.{stage}.Layers"
        if stage:
            wide = resample(layers, f"{at}.0", stage, wide)
        for i in range(count):
            path = f"Block_{sum(counts[:stage]) + i}"
            expansion, group = block(layers, path, f"{at}.{i + 1}", wide)
        widths.append(wide)
        groups.append(group)
    colours = shape_of(tensors, "Model.AggregationLayer.Layer.weight", 4)[0]
    layers.kernel("to_image", "Model.AggregationLayer.Layer", colours, wide, 1, 1, bias=False)
    side = SMALLEST * 2 ** (len(counts) - 1)
    classes, embedding = labels(layers, "Embed_0")
    fields = {
        "shape": (side, side, colours),
        **stages(widths, groups, counts, expansion),
        "embedding": embedding,
        "num_classes": classes,
    }
    return fields, layers.variables()


def discriminator(tensors: Tensors) -> Parts:
    """The fields of ``networks.r3gan.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    layers, counts = Layers(tensors), count_blocks(tensors)
    wide, colours = shape_of(tensors, "Model.ExtractionLayer.Layer.weight", 4)[:2]
    layers.kernel("from_image", "Model.ExtractionLayer.Layer", wide, colours, 1, 1, bias=False)
    widths, groups, expansion = [], [], 2.0
    for place, count in enumerate(counts):
        at = f"{STAGES}.{place}.Layers"
        for i in range(count):
            path = f"Block_{sum(counts[:place]) + i}"
            expansion, group = block(layers, path, f"{at}.{i}", wide)
        widths.append(wide)
        groups.append(group)
        if place < len(counts) - 1:
            wide = resample(layers, f"{at}.{count}", len(counts) - 1 - place, wide)
    at = f"{STAGES}.{len(counts) - 1}.Layers.{counts[-1]}"
    basis = layers.take(f"{at}.Basis.weight", wide, 1, SMALLEST, SMALLEST)[:, 0]
    layers.put("params", "", basis=basis.transpose(1, 2, 0))
    classes, _ = labels(layers, "label_embedding")
    layers.kernel("logits", f"{at}.LinearLayer", wide if classes else 1, wide, bias=False)
    # Ours counts from the coarsest maps on, for both players.
    fields = stages(widths[::-1], groups[::-1], counts[::-1], expansion)
    return {**fields, "num_classes": classes}, layers.variables()


def stages(
    widths: list[int], groups: list[int], blocks: list[int], expansion: float
) -> dict[str, Any]:
    """The fields that both players have."""
    return {
        "widths": tuple(widths),
        "groups": tuple(groups),
        "blocks": tuple(blocks),
        "expansion": expansion,
    }


def count_blocks(tensors: Tensors) -> list[int]:
    """The residual blocks of each stage, in the order of their network.

    Raises:
      ValueError: for a network without any, or with a stage without any.
    """
    found: dict[int, set[str]] = {}
    for key in tensors:
        if match := re.match(rf"{STAGES}\.(\d+)\.Layers\.(\d+)\.(LinearLayer1\.)?", key):
            blocks = found.setdefault(int(match[1]), set())
            blocks |= {match[2]} if match[3] else set()
    counts = [len(found.get(stage, ())) for stage in range(max(found, default=0) + 1)]
    if not all(counts):
        stage = counts.index(0)
        raise ValueError(f"there is no '{STAGES}.{stage}.Layers.1.LinearLayer1.Layer.weight'")
    return counts


def block(layers: Layers, path: str, at: str, width: int) -> tuple[float, int]:
    """A residual block; how much wider it is inside, and its groups."""
    found = layers.found.left
    wide = shape_of(found, f"{at}.LinearLayer1.Layer.weight", 4)[0]
    inside = shape_of(found, f"{at}.LinearLayer2.Layer.weight", 4)[1]
    first, second, third = (f"{at}.LinearLayer{i}.Layer" for i in (1, 2, 3))
    layers.kernel(f"{path}/Conv_0", first, wide, width, 1, 1, bias=False)
    layers.kernel(f"{path}/GroupedConv_0", second, wide, inside, 3, 3, bias=False)
    layers.kernel(f"{path}/Conv_1", third, width, wide, 1, 1, bias=False)
    for i in (0, 1):
        bias = layers.take(f"{at}.NonLinearity{i + 1}.Bias", wide)
        layers.put("params", path, **{f"bias_{i}": bias})
    return wide / width, wide // inside


def resample(layers: Layers, at: str, stage: int, width: int) -> int:
    """What leads from one stage to the next; the width behind it.

    Raises:
      ValueError: for another filter than the usual one.
    """
    key = f"{at}.Resampler.Kernel"
    if not np.allclose(layers.take(key, *FILTER.shape), FILTER, atol=1e-6):
        raise ValueError(f"{key!r} is another filter than [1, 3, 3, 1]")
    if f"{at}.LinearLayer.Layer.weight" not in layers.found.left:
        return width
    wide = shape_of(layers.found.left, f"{at}.LinearLayer.Layer.weight", 4)[0]
    layers.kernel(f"widen_{stage}", f"{at}.LinearLayer.Layer", wide, width, 1, 1, bias=False)
    return wide


def labels(layers: Layers, path: str) -> tuple[int | None, int]:
    """The number of classes and the length of their vectors; ``None`` and 0 without any."""
    if LABELS not in layers.found.left:
        return None, 0
    size, classes = shape_of(layers.found.left, LABELS, 2)
    layers.put("params", path, embedding=layers.take(LABELS, size, classes).T)
    return classes, size
