"""The 2015-12-05 Inception network, whose features FID is defined on.

Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", as TensorFlow
published it on that day; Heusel et al. 2017 measure the Fréchet distance of its pool3. It differs
from other Inception-v3 networks: average pools do not count the padding, the last mixed block
pools by maximum, and there are 1,008 classes.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.extractors import inception_weights
from jaxgan.extractors import resize as resize_lib
from jaxgan.extractors.classifier import Seen
from jaxgan.extractors.extractor import Apply, Extractor

PyTree = Any

NAME = "inception_2015_12_05"
DIM = 2048
CLASSES = 1008
EPSILON = 1e-3


def load(path: str | Path, *, resize: str = "tf1", digest: str = "") -> Extractor:
    """The network with the weights of a file: the features are pool3 [B, 2048].

    Where the file has the classifier there are 1,008 logits too. They are without its bias: the
    Inception Score has been computed so from the first (Salimans et al. 2016, their code), and
    StyleGAN's ``no_output_bias`` and torch-fidelity's ``logits_unbiased`` follow it.

    Args:
      path: the weights, in one of the forms of ``inception_weights.read``.
      resize: how images become 299 x 299: ``'tf1'``, as FID is defined, or ``'antialiased'``, as
        clean-fid does it. Figures of the two cannot be compared.
      digest: the SHA-256 in hex that the file must have; empty: any. The published ones are
        ``inception_weights.PUBLISHED``.

    Raises:
      ValueError: if the file is not there, is of no known form, has another digest, or lacks an
        array, has one more, or one of another shape; or the resize is unknown.
    """
    if resize not in resize_lib.RULES:
        raise ValueError(f"resize must be one of {', '.join(resize_lib.RULES)}, got {resize!r}")
    arrays, found = inception_weights.read(path, digest=digest)
    inception_weights.check(arrays, _shapes(), path)
    classes = CLASSES if "output/weight" in arrays else 0
    return Extractor(NAME, found, resize, DIM, classes, _fold(arrays), _apply(resize))


class Conv(NamedTuple):
    """A convolution with batch norm and ReLU."""

    name: str
    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"


# Pools, all of 3 x 3: two that keep the size, one that halves it.
AVERAGE, MAXIMUM, HALVE = "average", "maximum", "halve"

# A pair of convolutions reads the same input, and their outputs are joined.
Step = str | Conv | tuple[Conv, Conv]
Branches = tuple[tuple[Step, ...], ...]


def _halving(name: str, features: int) -> Conv:
    return Conv(name, features, (3, 3), 2, "VALID")


def _mixed_35(pooled: int) -> Branches:
    return (
        (Conv("conv", 64),),
        (Conv("tower/conv", 48), Conv("tower/conv_1", 64, (5, 5))),
        (
            Conv("tower_1/conv", 64),
            Conv("tower_1/conv_1", 96, (3, 3)),
            Conv("tower_1/conv_2", 96, (3, 3)),
        ),
        (AVERAGE, Conv("tower_2/conv", pooled)),
    )


def _mixed_17(width: int) -> Branches:
    return (
        (Conv("conv", 192),),
        (
            Conv("tower/conv", width),
            Conv("tower/conv_1", width, (1, 7)),
            Conv("tower/conv_2", 192, (7, 1)),
        ),
        (
            Conv("tower_1/conv", width),
            Conv("tower_1/conv_1", width, (7, 1)),
            Conv("tower_1/conv_2", width, (1, 7)),
            Conv("tower_1/conv_3", width, (7, 1)),
            Conv("tower_1/conv_4", 192, (1, 7)),
        ),
        (AVERAGE, Conv("tower_2/conv", 192)),
    )


def _mixed_8(pool: str) -> Branches:
    def cross(name: str) -> tuple[Conv, Conv]:
        return Conv(name, 384, (1, 3)), Conv(f"{name}_1", 384, (3, 1))

    return (
        (Conv("conv", 320),),
        (Conv("tower_conv", 384), cross("tower_mixed_conv")),
        (
            Conv("tower_1_conv", 448),
            Conv("tower_1_conv_1", 384, (3, 3)),
            cross("tower_1_mixed_conv"),
        ),
        (pool, Conv("tower_2_conv", 192)),
    )


STEM: tuple[Step, ...] = (
    _halving("conv", 32),
    Conv("conv_1", 32, (3, 3), padding="VALID"),
    Conv("conv_2", 64, (3, 3)),
    HALVE,
    Conv("conv_3", 80),
    Conv("conv_4", 192, (3, 3), padding="VALID"),
    HALVE,
)

# The functions are named by the size of the images there.
MIXED: dict[str, Branches] = {
    "mixed": _mixed_35(32),
    "mixed_1": _mixed_35(64),
    "mixed_2": _mixed_35(64),
    "mixed_3": (
        (_halving("conv", 384),),
        (Conv("tower/conv", 64), Conv("tower/conv_1", 96, (3, 3)), _halving("tower/conv_2", 96)),
        (HALVE,),
    ),
    "mixed_4": _mixed_17(128),
    "mixed_5": _mixed_17(160),
    "mixed_6": _mixed_17(160),
    "mixed_7": _mixed_17(192),
    "mixed_8": (
        (Conv("tower/conv", 192), _halving("tower/conv_1", 320)),
        (
            Conv("tower_1/conv", 192),
            Conv("tower_1/conv_1", 192, (1, 7)),
            Conv("tower_1/conv_2", 192, (7, 1)),
            _halving("tower_1/conv_3", 192),
        ),
        (HALVE,),
    ),
    "mixed_9": _mixed_8(AVERAGE),
    "mixed_10": _mixed_8(MAXIMUM),
}


class Inception(nn.Module):
    """Images [B, 299, 299, 3] in [-1, 1] to pool3 [B, 2048].

    Batch norm is part of each convolution's kernel and bias. The parameters of a convolution stand
    under its name in TensorFlow with points for slashes, ``mixed_4.tower.conv_1``.

    Attributes:
      layers: names of convolutions before the blocks, and of blocks; where there are some, their
        maps by name are what it gives, of images of any size, and nothing behind the last of them
        is computed.
    """

    layers: tuple[str, ...] = ()

    @nn.compact
    def __call__(self, x: jax.Array) -> Any:
        """As the class says."""
        seen = Seen(self.layers)
        for step in STEM:
            x = self.step(x, step, "")
            if isinstance(step, Conv) and seen.whole(x, step.name):
                return seen.maps
        for block, branches in MIXED.items():
            parts = []
            for branch in branches:
                part = x
                for step in branch:
                    part = self.step(part, step, f"{block}.")
                parts.append(part)
            x = jnp.concatenate(parts, axis=-1)
            if seen.whole(x, block):
                return seen.maps
        seen.end()
        return x.mean(axis=(1, 2))

    def step(self, x: jax.Array, step: Step, prefix: str) -> jax.Array:
        """One pool, convolution or pair of them."""
        if step == AVERAGE:
            return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)
        if step == MAXIMUM:
            return nn.max_pool(x, (3, 3), padding="SAME")
        if step == HALVE:
            return nn.max_pool(x, (3, 3), (2, 2))
        if isinstance(step, Conv):
            return self.conv(x, step, prefix)
        assert not isinstance(step, str)
        return jnp.concatenate([self.conv(x, conv, prefix) for conv in step], axis=-1)

    def conv(self, x: jax.Array, conv: Conv, prefix: str) -> jax.Array:
        """A convolution and ReLU."""
        layer = nn.Conv(
            conv.features,
            conv.kernel,
            conv.stride,
            conv.padding,
            # Accelerators would round the factors to ten bits: features off by parts in 1,000.
            precision=jax.lax.Precision.HIGHEST,
            name=prefix + conv.name.replace("/", "."),
        )
        return nn.relu(layer(x))


@functools.cache
def _apply(resize: str) -> Apply:
    """The extractor's function; the same object for all files, so that it compiles once."""

    def apply(params: PyTree, images: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        pixels = _pixels(images, resize)
        features = Inception().apply({"params": params["network"]}, pixels)
        assert isinstance(features, jax.Array)
        if "classifier" not in params:
            return features, None
        return features, jnp.matmul(features, params["classifier"], precision="highest")

    return apply


def _pixels(images: jax.Array, resize: str) -> jax.Array:
    """Grey or colour images [B, H, W, C] in [0, 255] as the network's input [B, 299, 299, 3]."""
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"Inception needs images of 1 or 3 channels, got {images.shape[-1]}")
    pixels = (resize_lib.RULES[resize](images) - 128) / 128
    return jnp.broadcast_to(pixels, (*pixels.shape[:-1], 3))


def _fold(arrays: dict[str, np.ndarray]) -> PyTree:
    """The parameters: batch norm folded into the convolutions, kernels as [h, w, in, out]."""
    network = {}
    for name in _convolutions():
        array = functools.partial(_part, arrays, name)
        scale = array("gamma") / np.sqrt(array("var") + EPSILON)
        kernel = array("weight").transpose(2, 3, 1, 0) * scale
        bias = array("beta") - array("mean") * scale
        network[name.replace("/", ".")] = {
            "kernel": kernel.astype(np.float32),
            "bias": bias.astype(np.float32),
        }
    params: dict[str, Any] = {"network": network}
    if "output/weight" in arrays:
        params["classifier"] = arrays["output/weight"].T.astype(np.float32)
    return params


def _part(arrays: dict[str, np.ndarray], name: str, part: str) -> np.ndarray:
    """One array of a convolution in float64; a gamma that is not there is 1."""
    return np.asarray(arrays.get(f"{name}/{part}", 1.0), np.float64)


@functools.cache
def _convolutions() -> dict[str, tuple[int, ...]]:
    """The kernel shape [h, w, in, out] of each convolution by its name in TensorFlow."""
    image = jax.ShapeDtypeStruct((1, 299, 299, 3), jnp.float32)
    params = jax.eval_shape(Inception().init, jax.random.key(0), image)["params"]
    return {name.replace(".", "/"): layer["kernel"].shape for name, layer in params.items()}


def _shapes() -> dict[str, tuple[int, ...]]:
    """The shape of every array that a file may have."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (height, width, inputs, outputs) in _convolutions().items():
        shapes[f"{name}/weight"] = (outputs, inputs, height, width)
        for part in ("beta", "mean", "var", "gamma"):
            shapes[f"{name}/{part}"] = (outputs,)
    return shapes | {"output/weight": (CLASSES, DIM), "output/bias": (CLASSES,)}
