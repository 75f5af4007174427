"""What families of networks share: weights and normalizations by name, conditioning, the judgement.

Conditioning is one word for both players:

- ``'concat'``: the one-hot label beside the latent; in D, through a dense layer, as one more
  channel of the image (Mirza and Osindero 2014, arXiv:1411.1784). Points get the one-hot itself.
- ``'embedding'``: the label's vector times the latent; in D, through a dense layer, times
  the image.
- ``'projection'``: conditional batch norm in G; in D an inner product with the features (Miyato and
  Koyama 2018, arXiv:1802.05637).

D's labels are [B], or [B, m] of packs of m samples (Lin et al. 2018, arXiv:1712.04086); a place in
the pack has weights of its own.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nn import (
    ConditionalBatchNorm,
    ConditionalInstanceNorm,
    Dense,
    Embed,
    EqualizedLR,
    LayerNorm,
    MinibatchDiscrimination,
    ProjectionHead,
    SpectralNorm,
    VirtualBatchNorm,
    Weight,
    instance_norm,
    plain,
)

Array = jax.Array
Initializer = Callable[..., Any]
ONES: Initializer = nn.initializers.ones_init()
LECUN: Initializer = nn.initializers.lecun_normal()
LECUN_ROWS: Initializer = nn.initializers.lecun_normal(in_axis=1, out_axis=0)
# DCGAN's, and of those who follow it.
NORMAL: Initializer = nn.initializers.normal(0.02)

WEIGHTS = ("plain", "spectral", "equalized")
CONDITIONINGS = ("concat", "embedding", "projection")
NORMALIZATIONS = ("batch", "instance", "layer", "virtual", "none")


def normal_about_one(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """Batch norm's scale at the start: N(1, 0.02), as the code of DCGAN's authors has it."""
    return 1 + NORMAL(key, shape, dtype)


def choose(field: str, value: str, choices: Sequence[str]) -> str:
    """``value``, if it is one of the choices.

    Raises:
      ValueError: naming the field and the choices.
    """
    if value not in choices:
        raise ValueError(f"{field} must be one of {', '.join(choices)}, not {value!r}")
    return value


def weight(name: str, train: bool, gain: float = 1.0, order: str = "uv") -> Weight:
    """How parameters are made: as they are, spectrally normalized, or scaled at run time.

    ``gain`` is that of the equalized rate: sqrt(2) before a rectifier. ``order``: see
    ``SpectralNorm``.
    """
    choose("weight", name, WEIGHTS)
    if name == "spectral":
        return SpectralNorm(update_stats=train, order=order)
    return EqualizedLR(gain=gain) if name == "equalized" else plain


def batch_norm(
    train: bool,
    axis_name: str | None,
    dtype: Any = None,
    scale_init: Initializer = ONES,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str | None = None,
) -> nn.BatchNorm:
    """Batch norm over all devices."""
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=momentum,
        epsilon=epsilon,
        # The fast formula, E[x^2] - E[x]^2, loses the variance where means are large.
        use_fast_variance=False,
        scale_init=scale_init,
        dtype=dtype,
        axis_name=axis_name,
        name=name,
    )


def normalizer(
    name: str,
    train: bool,
    axis_name: str | None,
    *,
    dtype: Any = None,
    scale_init: Initializer = ONES,
    labels: Array | None = None,
    num_classes: int | None = None,
    reference: int = 0,
) -> Callable[[Array], Array]:
    """A function that normalizes hidden maps [B, H, W, C] or layers [B, C], with a layer a call.

    Args:
      name: one of ``NORMALIZATIONS``.
      train: whether batch norm takes the batch's own statistics.
      axis_name: the mapped axis that they are averaged over.
      dtype: in which to compute.
      scale_init: of batch norm's scale.
      labels: int32 [B], to make batch and instance norm conditional.
      num_classes: of the labels.
      reference: how many of the first rows are virtual batch norm's reference batch.

    Raises:
      ValueError: for an unknown name, or one that cannot be conditional.
    """
    choose("normalization", name, NORMALIZATIONS)
    if labels is not None and name not in ("batch", "instance"):
        raise ValueError(
            f"conditioning='projection' needs normalization 'batch' or 'instance', not {name!r}"
        )

    def conditional(x: Array) -> Array:
        assert labels is not None
        image = x if x.ndim == 4 else x[:, None, None]
        if name == "instance":
            y = ConditionalInstanceNorm(num_classes, dtype=dtype)(image, labels)
        else:
            norm = ConditionalBatchNorm(num_classes, axis_name=axis_name, dtype=dtype)
            y = norm(image, labels, train=train)
        return y.reshape(x.shape)

    def virtual(x: Array) -> Array:
        y, r = VirtualBatchNorm(dtype=dtype)(x[reference:], x[:reference])
        return jnp.concatenate([r, y])

    if labels is not None:
        return conditional
    return {
        "batch": lambda x: batch_norm(train, axis_name, dtype, scale_init)(x),
        "instance": instance_norm,
        "layer": lambda x: LayerNorm(dtype=dtype)(x),
        "virtual": virtual,
        "none": lambda x: x,
    }[name]


def check_attention(side: int, sides: Sequence[int]) -> None:
    """Refuses self-attention where there is no map of that side.

    Raises:
      ValueError: with the sides that there are.
    """
    if side and side not in sides:
        known = ", ".join(map(str, sides))
        raise ValueError(f"attention must be the side of a map, one of {known}, not {side}")


def with_reference(module: nn.Module, z: Array, size: int) -> Array:
    """The latents [B, Z] behind ``size`` fixed ones, drawn when the network is made.

    They are virtual batch norm's reference batch (Salimans et al. 2016, arXiv:1606.03498, section
    3.5), and are kept in the collection ``reference``.
    """

    def draw() -> Array:
        return jax.random.normal(module.make_rng("params"), (size, z.shape[-1]), jnp.float32)

    return jnp.concatenate([module.variable("reference", "z", draw).value.astype(z.dtype), z])


def cycle(size: int, num_classes: int) -> Array:
    """Labels int32 [size]: 0, 1, ..., and from the start again."""
    return jnp.arange(size, dtype=jnp.int32) % num_classes


def condition_latents(
    z: Array, labels: Array | None, num_classes: int | None, conditioning: str
) -> Array:
    """The generator's input for latents [B, Z]; as they are for ``'projection'``."""
    choose("conditioning", conditioning, CONDITIONINGS)
    if labels is None or conditioning == "projection":
        return z
    K = known_classes(num_classes)
    if conditioning == "concat":
        return jnp.concatenate([z, one_hot(labels, K)], axis=-1)
    return z * Embed(K, z.shape[-1], name="label_embedding")(labels)


def condition_samples(
    x: Array, labels: Array | None, num_classes: int | None, conditioning: str
) -> Array:
    """The discriminator's input for samples [B, ...]; as they are for ``'projection'``."""
    choose("conditioning", conditioning, CONDITIONINGS)
    if labels is None or conditioning == "projection":
        return x
    K = known_classes(num_classes)
    B, m = len(labels), labels.size // len(labels)
    if conditioning == "embedding":
        rows = Embed(K, K, name="label_embedding")(labels).reshape(B, -1)
        return x * Dense(math.prod(x.shape[1:]), name="label_image")(rows).reshape(x.shape)
    code = one_hot(labels.reshape(-1), K).reshape(B, -1)
    if x.ndim == 4:
        code = Dense(math.prod(x.shape[1:3]) * m, name="label_image")(code)
        code = code.reshape(*x.shape[:3], m)
    return jnp.concatenate([x, code], axis=-1)


def judgement(
    features: Array,
    *,
    labels: Array | None,
    num_classes: int | None,
    conditioning: str,
    heads: Sequence[tuple[str, int]] = (),
    minibatch_discrimination: int = 0,
    axis_name: str | None = None,
    kernel_init: Initializer = LECUN,
    embedding_init: Initializer = LECUN_ROWS,
    weight: Weight = plain,
) -> tuple[Array, Array, dict[str, Array]]:
    """Logits [B], features [B, F] and heads {name: [B, n]} from the features, in float32.

    Args:
      features: [B, F].
      labels: int32 [B], or [B, m] of packs, for ``conditioning='projection'``.
      num_classes: of the labels.
      conditioning: one of ``CONDITIONINGS``.
      heads: names and sizes of other linear outputs.
      minibatch_discrimination: values of Salimans et al. 2016, section 3.2, beside the features.
      axis_name: the mapped axis over which the batch is split.
      kernel_init: of all but the labels' table.
      embedding_init: of that.
      weight: how their parameters are made.
    """
    features = features.astype(jnp.float32)
    given: dict[str, Any] = {"kernel_init": kernel_init, "weight": weight}
    found = {name: Dense(n, name=f"head_{name}", **given)(features) for name, n in heads}
    h = features
    if minibatch_discrimination:
        h = MinibatchDiscrimination(minibatch_discrimination, axis_name=axis_name)(h)
    if labels is not None and conditioning == "projection":
        logits = ProjectionHead(
            known_classes(num_classes), embedding_init=embedding_init, name="logits", **given
        )(h, labels)
    else:
        logits = Dense(1, name="logits", **given)(h)[:, 0]
    return logits, features, found


def one_hot(labels: Array, num_classes: int) -> Array:
    """Rows [B, K] of a label each; nan where one is outside, as the tables of ``nn`` have it.

    Mixtures of classes, float32 [B, K], are such rows already.
    """
    if labels.ndim == 2 and jnp.issubdtype(labels.dtype, jnp.floating):
        return labels
    rows = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32)
    inside = (labels >= 0) & (labels < num_classes)
    return jnp.where(inside[:, None], rows, jnp.nan)


def known_classes(num_classes: int | None) -> int:
    """The number of classes of labels that were given.

    Raises:
      ValueError: if the network was told none.
    """
    if num_classes is None:
        raise ValueError("labels were given to a network without num_classes")
    return num_classes
