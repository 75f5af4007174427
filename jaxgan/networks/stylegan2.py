"""StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN").

arXiv:1912.04958, in the form of the authors' PyTorch code of StyleGAN2-ADA (arXiv:2006.06676). For
square images whose side is a power of two, 8 or more. What is no parameter stands in the
collections ``noise`` (constant maps) and ``w_avg`` (the mean of w).
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique
from jaxgan.nn import Dense, MinibatchStddev, blocks, downsample
from jaxgan.nn.stages import stage
from jaxgan.nn.style import EQUALIZED, EqualizedConv, Mapping, activate
from jaxgan.nn.synthesis import SMALLEST, Synthesis, channels, sides_of


class Generator(nn.Module):
    """Latents to images [B, H, W, C], about [-1, 1] and not bounded.

    Attributes:
      shape: [H, W, C] of an image.
      width: channels at a side of R are ``width / R``, at most ``max_width``.
      max_width: the most channels of any map.
      features: length of w.
      mapping_layers: dense layers from z to w.
      lr_multiplier: of these.
      architecture: ``'skip'``: an image of each stage, summed; ``'orig'``: of the last alone.
      styling: ``'modulated'`` convolutions, or ``'adain'``: the first StyleGAN's.
      clamp: what activations are cut off at; 0 is none.
      w_decay: of the running mean of w.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that the mean of w is averaged over.
    """

    shape: tuple[int, ...]
    width: int = 32768
    max_width: int = 512
    features: int = 512
    mapping_layers: int = 8
    lr_multiplier: float = 0.01
    architecture: str = "skip"
    styling: str = "modulated"
    clamp: float = 256.0
    w_decay: float = 0.995
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    def setup(self) -> None:  # noqa: D102
        blocks.choose("architecture", self.architecture, ("skip", "orig"))
        blocks.choose("styling", self.styling, ("modulated", "adain"))
        self.mapping = Mapping(
            self.features, self.mapping_layers, self.lr_multiplier, self.num_classes
        )
        self.synthesis = Synthesis(
            self.shape,
            self.width,
            self.max_width,
            self.architecture,
            self.styling,
            self.clamp,
            self.dtype,
        )
        self.w_avg = self.variable("w_avg", "mean", jnp.zeros, (self.features,), jnp.float32)

    def __call__(
        self,
        z: jax.Array,
        labels: jax.Array | None = None,
        noise: Any = "const",
        other: jax.Array | None = None,
        crossover: jax.Array | None = None,
        truncation: jax.Array | float = 1.0,
        cutoff: jax.Array | int | None = None,
        *,
        train: bool,
    ) -> jax.Array:
        """Images of latents [B, Z].

        Args:
          z: of all layers, or of those before ``crossover``.
          labels: int32 [B].
          noise: one key for each sample, ``'const'`` or ``'none'``.
          other: latents [B, Z] of the other layers.
          crossover: int32 [B], the first of these.
          truncation: psi: how far w is from its mean.
          cutoff: how many layers are truncated; ``None``: all.
          train: whether the mean of w moves.
        """
        w = self.map(z, labels, train=train)
        styles = self.truncate(w, truncation, cutoff)
        if other is not None and crossover is not None:
            others = self.truncate(self.map(other, labels, train=False), truncation, cutoff)
            styles = self.cross(styles, others, crossover)
        return self.synthesize(styles, noise)

    def styles(
        self,
        z: jax.Array,
        labels: jax.Array | None = None,
        noise: Any = None,
        other: jax.Array | None = None,
        crossover: jax.Array | None = None,
    ) -> jax.Array:
        """One w [B, L, D] a layer, of what ``__call__`` takes."""
        styles = self.truncate(self.map(z, labels, train=False), 1.0)
        if other is None or crossover is None:
            return styles
        others = self.truncate(self.map(other, labels, train=False), 1.0)
        return self.cross(styles, others, crossover)

    def cross(self, styles: jax.Array, others: jax.Array, crossover: jax.Array) -> jax.Array:
        """The styles of two latents, the second one's from layer ``crossover`` [B] on."""
        first = jnp.arange(self.layers, dtype=jnp.int32)[None] < crossover[:, None]
        return jnp.where(first[..., None], styles, others)

    @property
    def layers(self) -> int:
        """How many of w an image takes."""
        return 2 * len(sides_of(self.shape))

    def map(self, z: jax.Array, labels: jax.Array | None = None, *, train: bool) -> jax.Array:
        """The w [B, D] of latents [B, Z]."""
        w = self.mapping(z, labels)
        if train and not self.is_initializing():
            mean = jax.lax.stop_gradient(w).mean(axis=0)
            if self.axis_name is not None:
                mean = jax.lax.pmean(mean, self.axis_name)
            self.w_avg.value = mean + self.w_decay * (self.w_avg.value - mean)
        return w

    def truncate(
        self, w: jax.Array, truncation: jax.Array | float, cutoff: jax.Array | int | None = None
    ) -> jax.Array:
        """One w [B, L, D] a layer, the first ``cutoff`` of them moved towards the mean."""
        styles = jnp.repeat(w[:, None], self.layers, axis=1)
        mean = self.w_avg.value[None, None]
        near = mean + truncation * (styles - mean)
        if cutoff is None:
            return near
        return jnp.where(
            (jnp.arange(self.layers, dtype=jnp.int32) < cutoff)[None, :, None], near, styles
        )

    def synthesize(self, styles: jax.Array, noise: Any = "const") -> jax.Array:
        """Images of one w [B, L, D] a layer."""
        return self.synthesis(styles, noise)


class Discriminator(nn.Module):
    """Images [B, H, W, C] to a ``Critique``; under labels the product with their mapped vector.

    Attributes:
      width: channels at a side of R are ``width / R``, at most ``max_width``.
      max_width: the most channels of any map.
      mapping_layers: dense layers from a label to its vector.
      lr_multiplier: of these.
      architecture: ``'resnet'``, or ``'orig'``: without shortcuts.
      minibatch_stddev: images in a group whose deviation is one more channel; 0 is none.
      interleaved: whether groups are the authors', see ``nn.minibatch_stddev``.
      clamp: what activations are cut off at; 0 is none.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: the mapped axis over which the batch is split.
    """

    width: int = 32768
    max_width: int = 512
    mapping_layers: int = 8
    lr_multiplier: float = 0.01
    architecture: str = "resnet"
    minibatch_stddev: int = 4
    interleaved: bool = False
    clamp: float = 256.0
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        blocks.choose("architecture", self.architecture, ("resnet", "orig"))
        sides = sides_of(x.shape[1:])[::-1]
        given: dict[str, Any] = {"dtype": self.dtype, "clamp": self.clamp}
        x = EqualizedConv(
            channels(sides[0], self.width, self.max_width), 1, name="from_image", **given
        )(x)
        for side in sides[:-1]:
            x = stage(self.block(x, side, given))
        if self.minibatch_stddev:
            x = MinibatchStddev(
                self.minibatch_stddev, axis_name=self.axis_name, interleaved=self.interleaved
            )(x)
        wide = channels(SMALLEST, self.width, self.max_width)
        last = {**given, "dtype": "float32"}
        x = EqualizedConv(wide, 3, name="conv_4", **last)(x.astype(jnp.float32))
        x = x.reshape(x.shape[0], -1)
        features = activate(Dense(wide, weight=EQUALIZED, name="dense")(x))
        heads = {
            name: Dense(n, weight=EQUALIZED, name=f"head_{name}")(features)
            for name, n in self.heads
        }
        if labels is None or not self.num_classes:
            logits = Dense(1, weight=EQUALIZED, name="logits")(features)[:, 0]
            return Critique(logits, features, heads)
        if labels.ndim != 1:
            raise ValueError("stylegan2 judges single samples under labels: techniques.pack=1")
        mapped = Mapping(
            wide, self.mapping_layers, self.lr_multiplier, self.num_classes, name="mapping"
        )(None, labels)
        y = Dense(wide, weight=EQUALIZED, name="logits")(features)
        return Critique(jnp.sum(y * mapped, axis=1) / math.sqrt(wide), features, heads)

    def block(self, x: jax.Array, side: int, given: dict[str, Any]) -> jax.Array:
        """Two convolutions, the second of which halves the map."""
        wide, narrow = (channels(s, self.width, self.max_width) for s in (side, side // 2))
        if self.architecture == "orig":
            x = EqualizedConv(wide, 3, name=f"conv_{side}_same", **given)(x)
            return EqualizedConv(narrow, 3, resample="down", name=f"conv_{side}_down", **given)(x)
        half = math.sqrt(0.5)
        beside = EqualizedConv(narrow, 1, self.dtype, None, False, half, name=f"shortcut_{side}")(
            downsample(x)
        )
        x = EqualizedConv(wide, 3, name=f"conv_{side}_same", **given)(x)
        x = EqualizedConv(narrow, 3, resample="down", gain=half, name=f"conv_{side}_down", **given)(
            x
        )
        return x + beside
