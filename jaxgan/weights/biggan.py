"""BigGAN-PyTorch's tensors as variables of ``networks.biggan``."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.networks.biggan import DOWN, SMALLEST, UP
from jaxgan.weights.torch_layers import Layers, channels_last

PyTree = Any
Parts = tuple[dict[str, Any], dict[str, PyTree]]
ATTENTION = {"query": "theta", "key": "phi", "value": "g", "output": "o"}


def generator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.biggan.Generator`` and its variables.

    Args:
      tensors: those of ``G.pth`` or ``G_ema.pth``.
      settings: not needed; the shapes tell.
      training: whether spectral norm's vectors shall be those before a call in training, which
        iterates first. BigGAN iterates in evaluation, too, without keeping the result: else they
        are those behind that iteration.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    layers = Layers(tensors, training=training)
    count = count_blocks(tensors)
    side = SMALLEST * 2**count
    table = UP.get(side, (4,) * (count + 1))
    start, into = shape_of(tensors, "linear.weight", 2)
    width = start // (SMALLEST**2 * table[0])
    shared: tuple[int, ...] | None = (
        shape_of(tensors, "shared.weight", 2) if "shared.weight" in tensors else None
    )
    tables = shape_of(tensors, "blocks.0.0.bn1.gain.weight", 2)
    classes = shared[0] if shared else tables[0]
    behind = attended(tensors, count)
    fields: dict[str, Any] = {
        "shape": (side, side, shape_of(tensors, "output_layer.2.weight", 4)[0]),
        "width": width,
        "shared": shared[1] if shared else 0,
        "hierarchical": shared is not None and tables[1] > shared[1],
        "attention": tuple(SMALLEST * 2 ** (i + 1) for i in behind),
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": classes,
    }
    widths = [width * n for n in table]
    order = channels_last(widths[0], SMALLEST)
    layers.kernel("Dense_0", "linear", SMALLEST**2 * widths[0], into, outputs=order)
    if shared:
        layers.table("shared", "shared", *shared, spectral=False)
    for i, (inner, features) in enumerate(itertools.pairwise(widths)):
        path, at = f"UpBlock_{i}", f"blocks.{i}.0"
        for j, C in enumerate((inner, features)):
            norm = f"{path}/ConditionalBatchNorm_{j}"
            condition = (tables[1] if shared else classes), bool(shared)
            conditional_norm(layers, norm, f"{at}.bn{j + 1}", C, *condition)
        layers.kernel(f"{path}/Conv_0", f"{at}.conv1", features, inner, 3, 3)
        layers.kernel(f"{path}/Conv_1", f"{at}.conv2", features, features, 3, 3)
        layers.kernel(f"{path}/shortcut", f"{at}.conv_sc", features, inner, 1, 1)
        if i in behind:
            path = f"SelfAttention_{behind.index(i)}"
            layers.attention(path, f"blocks.{i}.1", features, ATTENTION)
    output(layers, widths[-1], fields["shape"][-1])
    return fields, layers.variables()


def discriminator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.biggan.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    layers = Layers(tensors, training=training)
    count = count_blocks(tensors)
    table = next((t for t in DOWN.values() if len(t) == count), (4,) * 4)
    first, colours = shape_of(tensors, "blocks.0.0.conv1.weight", 4)[:2]
    features = shape_of(tensors, "blocks.0.0.conv2.weight", 4)[0]
    classes = shape_of(tensors, "embed.weight", 2)[0]
    halvings = count - 1 if table in DOWN.values() else 2
    side = next((s for s, t in DOWN.items() if t == table), 32)
    behind = attended(tensors, count)
    fields: dict[str, Any] = {
        "width": features // table[0],
        "wide": first != colours,
        "attention": sides_of(behind, side, halvings),
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": classes,
    }
    inner = colours
    for i, n in enumerate(table):
        path, at, features = f"DownBlock_{i}", f"blocks.{i}.0", n * fields["width"]
        hidden = features if fields["wide"] else inner
        layers.kernel(f"{path}/Conv_0", f"{at}.conv1", hidden, inner, 3, 3)
        layers.kernel(f"{path}/Conv_1", f"{at}.conv2", features, hidden, 3, 3)
        if i < halvings or inner != features:
            layers.kernel(f"{path}/shortcut", f"{at}.conv_sc", features, inner, 1, 1)
        if i in behind:
            path = f"SelfAttention_{behind.index(i)}"
            layers.attention(path, f"blocks.{i}.1", features, ATTENTION)
        inner = features
    judgement(layers, inner, classes)
    return fields, layers.variables()


def latent_dim(fields: Mapping[str, Any], variables: Mapping[str, PyTree]) -> int:
    """How long the latents are of a generator that ``generator`` gave."""
    into = len(variables["params"]["Dense_0"]["kernel"])
    parts = 1 + count_doublings(fields["shape"]) if fields["hierarchical"] else 1
    return into * parts


def count_doublings(shape: tuple[int, ...]) -> int:
    """From 4 pixels to the side of an image."""
    return (shape[0] // SMALLEST).bit_length() - 1


def count_blocks(tensors: Mapping[str, np.ndarray]) -> int:
    """How many lists of blocks there are."""
    found = {int(key.split(".")[1]) for key in tensors if key.startswith("blocks.")}
    if not found:
        raise ValueError("there is no 'blocks.0.0.conv1.weight'")
    return max(found) + 1


def attended(tensors: Mapping[str, np.ndarray], count: int, place: int = 1) -> list[int]:
    """The lists of blocks that end in self-attention, which stands there at ``place``."""
    return [i for i in range(count) if f"blocks.{i}.{place}.gamma" in tensors]


def sides_of(behind: list[int], side: int, halvings: int) -> tuple[int, ...]:
    """The sides of the maps behind those blocks of a discriminator, each once."""
    return tuple(dict.fromkeys(side // 2 ** min(i + 1, halvings) for i in behind))


def shape_of(tensors: Mapping[str, np.ndarray], key: str, rank: int) -> tuple[int, ...]:
    """The shape of a tensor that tells an architecture.

    Raises:
      ValueError: if it is not there, or of another rank.
    """
    if key not in tensors:
        raise ValueError(f"there is no {key!r}")
    shape = tuple(tensors[key].shape)
    if len(shape) != rank or 0 in shape:
        raise ValueError(f"{key!r} is {list(shape)}, and {rank} axes are due here")
    return shape


def conditional_norm(
    layers: Layers, path: str, at: str, channels: int, size: int, vectors: bool
) -> None:
    """A batch norm with scale (less 1) and bias from vectors of a size, or from so many labels."""
    for ours, theirs in (("scale", "gain"), ("bias", "bias")):
        to, key = f"{path}/Modulation_0/{ours}", f"{at}.{theirs}"
        if vectors:
            layers.kernel(to, key, channels, size, bias=False)
        else:
            layers.table(to, key, size, channels, spectral=False)
    layers.statistics(f"{path}/norm", at, channels)


def output(layers: Layers, channels: int, colours: int) -> None:
    """The last batch norm and convolution of a generator."""
    at = "output_layer.0"
    gain, bias = layers.take(f"{at}.gain", channels), layers.take(f"{at}.bias", channels)
    layers.put("params", "BatchNorm_0", scale=gain, bias=bias)
    layers.statistics("BatchNorm_0", at, channels)
    layers.kernel("Conv_0", "output_layer.2", colours, channels, 3, 3)


def judgement(layers: Layers, features: int, classes: int) -> None:
    """The linear map and the labels' table of a discriminator."""
    layers.kernel("logits/linear", "linear", 1, features)
    layers.table("logits/embedding", "embed", classes, features, spectral=layers.spectral)
