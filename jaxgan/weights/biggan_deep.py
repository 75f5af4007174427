"""BigGAN-deep's tensors, BigGAN-PyTorch's and Hugging Face's, as those of ``biggan_deep``."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.networks.biggan import SMALLEST
from jaxgan.networks.biggan_deep import DOWN, rows_of
from jaxgan.weights import biggan
from jaxgan.weights.biggan import ATTENTION, Parts, PyTree, attended, count_blocks, shape_of
from jaxgan.weights.torch_layers import Layers, channels_last

# Hugging Face's names.
THEIR_ATTENTION = {
    "query": "snconv1x1_theta",
    "key": "snconv1x1_phi",
    "value": "snconv1x1_g",
    "output": "snconv1x1_o_conv",
}
# The collection of batch statistics that were measured at each of some truncations.
TRUNCATED = "truncated"


def generator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.biggan_deep.Generator`` and its variables, of BigGAN-PyTorch's.

    Args:
      tensors: those of ``G.pth`` or ``G_ema.pth``.
      settings: their ``resolution``, where the shapes do not tell it.
      training: see ``biggan.generator``.

    Raises:
      ValueError: naming the first tensor that is missing, has another shape, or is of no use here.
    """
    layers = Layers(tensors, training=training)
    blocks = count_blocks(tensors)
    start, into = shape_of(tensors, "linear.weight", 2)
    inner = [
        shape_of(tensors, f"blocks.{i}.0.conv{j}.weight", 4)[1 - k]
        for i in range(blocks)
        for j, k in ((1, 0), (4, 1))
    ]
    channels = list(zip(inner[::2], inner[1::2], strict=True))
    width, count, depth = told_by(channels, (settings or {}).get("resolution"))
    side, behind = SMALLEST * 2**count, attended(tensors, blocks)
    classes, shared = shape_of(tensors, "shared.weight", 2)
    reached = [SMALLEST * 2 ** (i // depth + 1) for i in behind]
    fields: dict[str, Any] = {
        "shape": (side, side, shape_of(tensors, "output_layer.2.weight", 4)[0]),
        "width": width,
        "depth": depth,
        "shared": shared,
        "attention": tuple(reached),
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": classes,
    }
    order = channels_last(start // SMALLEST**2, SMALLEST)
    layers.kernel("Dense_0", "linear", start, into, outputs=order)
    layers.table("shared", "shared", classes, shared, spectral=False)
    for i, (came, went) in enumerate(channels):
        path, at = f"UpBlock_{i}", f"blocks.{i}.0"
        hidden = came // 4
        for j, C in enumerate((came, hidden, hidden, hidden)):
            norm = f"{path}/ConditionalBatchNorm_{j}"
            biggan.conditional_norm(layers, norm, f"{at}.bn{j + 1}", C, into, vectors=True)
        bottleneck(layers, path, [f"{at}.conv{j}" for j in range(1, 5)], came, hidden, went)
        if i in behind:
            path = f"SelfAttention_{behind.index(i)}"
            layers.attention(path, f"blocks.{i}.1", went, ATTENTION)
    biggan.output(layers, channels[-1][1], fields["shape"][-1])
    return fields, layers.variables()


def discriminator(
    tensors: Mapping[str, np.ndarray],
    settings: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
) -> Parts:
    """The fields of ``networks.biggan_deep.Discriminator`` and its variables, likewise.

    Raises:
      ValueError: as ``generator`` does.
    """
    layers = Layers(tensors, training=training)
    stages = count_blocks(tensors)
    depth = 0
    while f"blocks.0.{depth}.conv1.weight" in tensors:
        depth += 1
    table = next((t for t in DOWN.values() if len(t) == stages + 1), (4,) * 4)
    side = next((s for s, t in DOWN.items() if t == table), 32)
    halvings = len(table) - 1 if side in DOWN else 2
    inner, colours = shape_of(tensors, "input_conv.weight", 4)[:2]
    classes = shape_of(tensors, "embed.weight", 2)[0]
    behind = attended(tensors, stages, depth)
    fields: dict[str, Any] = {
        "width": inner // table[0],
        "depth": depth,
        "attention": biggan.sides_of(behind, side, halvings),
        "weight": "spectral" if layers.spectral else "plain",
        "num_classes": classes,
    }
    layers.kernel("Conv_0", "input_conv", inner, colours, 3, 3)
    for i, n in enumerate(table[1:]):
        features = n * fields["width"]
        for j in range(depth):
            path, at = f"DownBlock_{i * depth + j}", f"blocks.{i}.{j}"
            names = [f"{at}.conv{k}" for k in range(1, 5)]
            bottleneck(layers, path, names, inner, features // 4, features)
            if inner != features:
                lacking = features - inner
                layers.kernel(f"{path}/shortcut", f"{at}.conv_sc", lacking, inner, 1, 1)
            inner = features
        if i in behind:
            path = f"SelfAttention_{behind.index(i)}"
            layers.attention(path, f"blocks.{i}.{depth}", features, ATTENTION)
    biggan.judgement(layers, inner, classes)
    return fields, layers.variables()


def hugging_face(tensors: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Parts:
    """The fields of ``networks.biggan_deep.Generator`` and its variables, of Hugging Face's.

    Theirs has the latent before the label's vector, and a last convolution of more channels than
    the image has. Batch statistics are those for the truncation 1; all lie in ``truncated``, see
    ``at_truncation``.

    Args:
      tensors: those of ``pytorch_model.bin``.
      settings: those of ``config.json``.

    Raises:
      ValueError: as ``generator`` does, or naming the first setting that is missing.
    """
    names = ("output_dim", "z_dim", "channel_width", "num_classes", "layers", "eps", "n_stats")
    for name in names:
        if name not in settings:
            raise ValueError(f"config.json has no {name!r}")
    layers = Layers(tensors)
    side, z, width, classes, listed, epsilon, entries = (settings[name] for name in names)
    rows = tuple((int(up), into, out) for up, into, out in listed)
    place = settings.get("attention_layer_position", -1)
    fields: dict[str, Any] = {
        "shape": (side, side, 3),
        "width": width,
        "shared": z,
        "rows": rows,
        "attention_row": place,
        "spare": width - 3,
        "epsilon": float(epsilon),
        "num_classes": classes,
    }
    swapped = np.concatenate([np.arange(z, 2 * z), np.arange(z)])
    layers.put("params", "shared", embedding=layers.take("embeddings.weight", z, classes).T)
    size = SMALLEST**2 * rows[0][1] * width
    layers.kernel("Dense_0", "generator.gen_z", size, 2 * z, inputs=swapped)
    for i, (_, into, out) in enumerate(rows):
        if i == place:
            at = f"generator.layers.{i}"
            layers.attention("SelfAttention_0", at, into * width, THEIR_ATTENTION)
        # The attention counts, too.
        path, at = f"UpBlock_{i}", f"generator.layers.{i + (0 <= place <= i)}"
        came, hidden, went = into * width, into * width // 4, out * width
        for j, C in enumerate((came, hidden, hidden, hidden)):
            norm, theirs = f"{path}/ConditionalBatchNorm_{j}", f"{at}.bn_{j}"
            for ours, name in (("scale", "scale"), ("bias", "offset")):
                to, key = f"{norm}/Modulation_0/{ours}", f"{theirs}.{name}"
                layers.kernel(to, key, C, 2 * z, bias=False, inputs=swapped)
            measured(layers, f"{norm}/norm", theirs, entries, C)
        bottleneck(layers, path, [f"{at}.conv_{j}" for j in range(4)], came, hidden, went)
    for ours, name in (("scale", "weight"), ("bias", "bias")):
        value = layers.take(f"generator.bn.{name}", went)
        layers.put("params", "BatchNorm_0", **{ours: value})
    measured(layers, "BatchNorm_0", "generator.bn", entries, went)
    layers.kernel("Conv_0", "generator.conv_to_rgb", width, went, 3, 3)
    return fields, at_truncation(layers.variables(), 1.0)


def at_truncation(
    variables: Mapping[str, PyTree], truncation: float | jax.Array
) -> dict[str, PyTree]:
    """The variables with the batch statistics for a truncation, in (0, 1].

    Between two of those that were measured they are mixed, with the weights exchanged as Hugging
    Face's program has them: nearer to the upper one, more of the lower. An array may be traced.

    Raises:
      ValueError: for a number outside.
    """
    if isinstance(truncation, int | float) and not 0 < truncation <= 1:
        raise ValueError(f"truncation must be above 0 and at most 1, not {truncation}")

    def mix(entries: PyTree) -> PyTree:
        if isinstance(entries, Mapping):
            return {name: mix(entry) for name, entry in entries.items()}
        lower, share = place(truncation, len(entries))
        values = jnp.asarray(entries)
        above = values[jnp.minimum(lower + 1, len(entries) - 1)]
        return values[lower] * share + above * (1 - share)

    return {**variables, "batch_stats": mix(variables[TRUNCATED])}


def place(truncation: float | jax.Array, entries: int) -> tuple[jax.Array, jax.Array]:
    """The entry below a truncation, and its share of the mixture with the next one.

    Theirs divides in float64, where 0.58 / 0.02 is less than 29: what it finds at an entry's own
    truncation is looked up, since float32 cannot tell.
    """
    parts = [math.modf(k / (entries - 1) / (1.0 / (entries - 1))) for k in range(entries)]
    own = jnp.asarray([int(whole) for _, whole in parts], jnp.int32)
    shares = jnp.asarray([part or 1.0 for part, _ in parts], jnp.float32)
    x = jnp.asarray(truncation, jnp.float32) * (entries - 1)
    nearest, lower = jnp.round(x).astype(jnp.int32), jnp.floor(x).astype(jnp.int32)
    at = jnp.abs(x - nearest) < 1e-4
    share = x - lower
    return jnp.where(at, own[nearest], lower), jnp.where(at, shares[nearest], share)


def latent_dim(fields: Mapping[str, Any], variables: Mapping[str, PyTree]) -> int:
    """How long the latents are of a generator that ``generator`` or ``hugging_face`` gave."""
    return len(variables["params"]["Dense_0"]["kernel"]) - fields["shared"]


def told_by(channels: list[tuple[int, int]], side: int | None) -> tuple[int, int, int]:
    """Width, number of stages and depth of a generator, from its blocks' channels in and out.

    Raises:
      ValueError: if they are those of none.
    """
    sides = [32, 64, 128, 256] if side is None else [side]
    # Two blocks a stage, as they are published, before any other number.
    stages = [(s.bit_length() - SMALLEST.bit_length(), s) for s in sides]
    found = [(count, s, len(channels) // count) for count, s in stages if count > 0]
    for count, s, depth in sorted(found, key=lambda f: f[2] != 2):
        rows = rows_of(s, count, depth)
        width = channels[0][0] // rows[0][1]
        if channels == [(into * width, out * width) for _, into, out in rows]:
            return width, count, depth
    raise ValueError("'blocks.0.0.conv1.weight' and the others are of no BigGAN-deep that is known")


def bottleneck(
    layers: Layers, path: str, names: list[str], into: int, hidden: int, out: int
) -> None:
    """The four convolutions of a block."""
    for i, (name, *shape) in enumerate(
        (
            (names[0], hidden, into, 1, 1),
            (names[1], hidden, hidden, 3, 3),
            (names[2], hidden, hidden, 3, 3),
            (names[3], out, hidden, 1, 1),
        )
    ):
        layers.kernel(f"{path}/Conv_{i}", name, *shape)


def measured(layers: Layers, path: str, at: str, entries: int, channels: int) -> None:
    """The statistics at each of so many truncations."""
    mean = layers.take(f"{at}.running_means", entries, channels)
    var = layers.take(f"{at}.running_vars", entries, channels)
    layers.put(TRUNCATED, path, mean=mean, var=var)
