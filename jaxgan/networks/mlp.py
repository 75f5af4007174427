"""Dense networks: the generator and discriminator of the first GAN (Goodfellow et al. 2014).

They make and judge samples of any shape, images and points alike; and an encoder beside them, as
that of the first VAE (Kingma and Welling 2014, arXiv:1312.6114).
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.networks import Critique, Posterior
from jaxgan.nn import Dense, blocks

OUTPUTS = {"tanh": jnp.tanh, "linear": lambda x: x}


def initializer(std: float) -> jax.nn.initializers.Initializer:
    """N(0, std), or LeCun's normal for 0."""
    return nn.initializers.normal(std) if std else nn.initializers.lecun_normal()


class Generator(nn.Module):
    """Latents [B, Z] to samples [B, *shape].

    Attributes:
      shape: the shape of one sample.
      features: the widths of the hidden layers.
      batch_norm: normalize each hidden layer.
      output: ``'tanh'`` for images in [-1, 1], ``'linear'`` for points and logits.
      kernel_std: of the weights at the start; 0 for one that depends on the width (LeCun's).
      conditioning: see ``blocks``; ``'projection'`` needs ``batch_norm``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    shape: tuple[int, ...]
    features: tuple[int, ...] = (256, 512, 1024)
    batch_norm: bool = False
    output: str = "tanh"
    kernel_std: float = 0.0
    conditioning: str = "concat"
    dtype: str = "float32"
    num_classes: int | None = None
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, z: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        blocks.choose("output", self.output, tuple(OUTPUTS))
        dense: dict[str, Any] = {
            "kernel_init": initializer(self.kernel_std),
            "dtype": self.dtype,
        }
        norm = blocks.normalizer(
            "batch" if self.batch_norm else "none",
            train,
            self.axis_name,
            dtype=self.dtype,
            labels=labels if self.conditioning == "projection" else None,
            num_classes=self.num_classes,
        )
        x = blocks.condition_latents(z, labels, self.num_classes, self.conditioning)
        for width in self.features:
            x = nn.relu(norm(nn.Dense(width, use_bias=not self.batch_norm, **dense)(x)))
        x = nn.Dense(math.prod(self.shape), **dense)(x)
        return OUTPUTS[self.output](x.astype(jnp.float32)).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Samples [B, ...] to a ``Critique``.

    Attributes:
      features: the widths of the hidden layers.
      slope: of the leaky ReLU.
      maxout: pieces of a maxout layer (Goodfellow et al. 2013, arXiv:1302.4389) in its place; 1 is
        none.
      batch_norm: normalize each hidden layer but the first.
      weight: ``'plain'``, ``'spectral'`` or ``'equalized'``, see ``blocks``.
      minibatch_discrimination: values of it (Salimans et al. 2016, section 3.2); 0 is none.
      kernel_std: of the weights at the start; 0 for one that depends on the width (LeCun's).
      conditioning: see ``blocks``.
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
      num_classes: of the labels, if any.
      heads: other outputs.
      axis_name: the mapped axis that batch statistics are averaged over.
    """

    features: tuple[int, ...] = (512, 256)
    slope: float = 0.2
    maxout: int = 1
    batch_norm: bool = False
    weight: str = "plain"
    minibatch_discrimination: int = 0
    kernel_std: float = 0.0
    conditioning: str = "concat"
    dtype: str = "float32"
    num_classes: int | None = None
    heads: tuple[tuple[str, int], ...] = ()
    axis_name: str | None = None

    @nn.compact
    def __call__(  # noqa: D102
        self, x: jax.Array, labels: jax.Array | None = None, *, train: bool
    ) -> Critique:
        if self.maxout < 1:
            raise ValueError(f"maxout must be at least 1, not {self.maxout}")
        init, weight = initializer(self.kernel_std), blocks.weight(self.weight, train, 2**0.5)
        x = x.reshape(x.shape[0], -1)
        x = blocks.condition_samples(x, labels, self.num_classes, self.conditioning)
        for i, width in enumerate(self.features):
            normalized = self.batch_norm and i > 0
            x = Dense(width * self.maxout, not normalized, init, dtype=self.dtype, weight=weight)(x)
            if normalized:
                x = blocks.batch_norm(train, self.axis_name, self.dtype)(x)
            if self.maxout > 1:
                x = x.reshape(x.shape[0], width, self.maxout).max(axis=-1)
            else:
                x = nn.leaky_relu(x, self.slope)
        return Critique(
            *blocks.judgement(
                x,
                labels=labels,
                num_classes=self.num_classes,
                conditioning=self.conditioning,
                heads=self.heads,
                minibatch_discrimination=self.minibatch_discrimination,
                axis_name=self.axis_name,
                kernel_init=init,
                weight=blocks.weight(self.weight, train),
            )
        )


class Encoder(nn.Module):
    """Samples [B, ...] to a ``Posterior``.

    Attributes:
      shape: (Z,) of the latents.
      features: the widths of the hidden layers.
      kernel_std: of the weights at the start; 0 for one that depends on the width (LeCun's).
      dtype: in which to compute, ``config.precision``; parameters and output stay float32.
    """

    shape: tuple[int, ...]
    features: tuple[int, ...] = (256,)
    kernel_std: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Posterior:  # noqa: D102
        dense: dict[str, Any] = {"kernel_init": initializer(self.kernel_std), "dtype": self.dtype}
        x = x.reshape(x.shape[0], -1)
        for width in self.features:
            x = nn.relu(nn.Dense(width, **dense)(x))
        return posterior(x, *self.shape, kernel_init=dense["kernel_init"])


def posterior(x: jax.Array, size: int, **dense: Any) -> Posterior:
    """Two dense layers, in float32: called within an encoder."""
    x = x.astype(jnp.float32)
    return Posterior(
        nn.Dense(size, name="mean", **dense)(x), nn.Dense(size, name="log_variance", **dense)(x)
    )
