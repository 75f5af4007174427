"""A trained model from a published weights file: load it, sample from it, judge by it."""

import dataclasses
import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import draws, errors, files
from jaxgan.weights import biggan_files, progan_files, stylegan2
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File, read

CHUNK = 32
NOISES = ("random", "const", "none")
# How the networks of each family that can be built are made.
FITS: dict[str, Callable[[File], Fitted]] = {
    **dict.fromkeys(stylegan2.PROGRAMS, stylegan2.fit),
    **dict.fromkeys(biggan_files.FAMILIES, biggan_files.fit),
    **dict.fromkeys(progan_files.FAMILIES, progan_files.fit),
}


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Somebody else's trained networks.

    Attributes:
      file: what was read: its family, licence and SHA-256.
      networks: as ours.
    """

    file: File
    networks: Fitted

    def latents(self, key: jax.Array, n: int) -> np.ndarray:
        """Standard normal latents [n, Z].

        Raises:
          UserError: if n is less than 1.
        """
        if n < 1:
            raise errors.UserError(f"the number of samples must be at least 1, not {n}")
        return np.asarray(draws.normal(draws.sample_keys(key, n), (self.networks.latent_dim,)))

    def sample(self, key: jax.Array, n: int, labels: Any = None, **settings: Any) -> np.ndarray:
        """Images [n, H, W, C]: ``generate`` of n ``latents``.

        Raises:
          UserError: as these do.
        """
        return self.generate(self.latents(key, n), labels, key=key, **settings)

    def generate(
        self,
        latents: Any,
        labels: Any = None,
        *,
        truncation: float = 1.0,
        cutoff: int | None = None,
        noise: str = "random",
        key: jax.Array | None = None,
    ) -> np.ndarray:
        """Images [n, H, W, C] of latents [n, Z]: in [-1, 1], of StyleGAN about there and unbounded.

        Args:
          latents: of a standard normal distribution.
          labels: int [n], or one for all; each class in turn if there are any and none is given.
          truncation: psi; 1 is none.
          cutoff: how many layers are truncated; ``None``: all.
          noise: ``'random'``, ``'const'`` (the file's) or ``'none'``.
          key: of random noise; a fixed one by default.

        Raises:
          UserError: for latents of another length, labels that there are not, or a setting that the
            network has not.
        """
        z = np.asarray(latents, np.float32)
        Z = self.networks.latent_dim
        if z.ndim != 2 or z.shape[1] != Z or not len(z):
            raise errors.UserError(f"latents must be [n, {Z}], not {list(z.shape)}")
        if noise not in NOISES:
            raise errors.unknown("noise", str(noise), NOISES)
        for name, usual, given in (("truncation", 1.0, truncation), ("cutoff", None, cutoff)):
            if given != usual and name not in self.networks.takes:
                raise errors.UserError(f"a network of {self.file.family} has no {name}")
        keys = draws.sample_keys(jax.random.key(0) if key is None else key, len(z))
        each = self._labels(labels, len(z))
        parts = []
        for start in range(0, len(z), CHUNK):
            # Whole chunks, also at the end: one compilation.
            rows = np.arange(start, start + min(CHUNK, len(z))).clip(max=len(z) - 1)
            told = keys[rows] if noise == "random" and "noise" in self.networks.takes else noise
            some = None if each is None else each[rows]
            parts.append(
                np.asarray(self._generate(self.networks.g, z[rows], some, truncation, cutoff, told))
            )
        return np.concatenate(parts)[: len(z)]

    def discriminate(self, images: Any, labels: Any = None) -> np.ndarray:
        """Logits [n] of images [n, H, W, C] in [-1, 1], all in one batch, of which they may depend.

        Raises:
          UserError: if the file has no discriminator, or for images of another shape.
        """
        x = np.asarray(images, np.float32)
        if self._judge is None:
            raise errors.UserError(f"{self.file.path} has no discriminator")
        if x.ndim != 4 or x.shape[1:] != self.networks.shape:
            H, W, C = self.networks.shape
            raise errors.UserError(f"images must be [n, {H}, {W}, {C}], not {list(x.shape)}")
        return np.asarray(self._judge(self.networks.d, x, self._labels(labels, len(x))))

    @cached_property
    def _generate(self) -> Callable[..., jax.Array]:
        fit = self.networks.generate

        def generate(
            g: Any, z: jax.Array, labels: Any, truncation: Any, cutoff: Any, noise: Any, kind: str
        ) -> jax.Array:
            return fit(g, z, labels, truncation, cutoff, noise if kind == "random" else kind)

        compiled = jax.jit(generate, static_argnames="kind")

        def call(g: Any, z: Any, labels: Any, truncation: Any, cutoff: Any, noise: Any) -> Any:
            kind, maps = (noise, None) if isinstance(noise, str) else ("random", noise)
            return compiled(g, z, labels, jnp.float32(truncation), cutoff, maps, kind=kind)

        return call

    @cached_property
    def _judge(self) -> Callable[..., jax.Array] | None:
        return self.networks.discriminate and jax.jit(self.networks.discriminate)

    def _labels(self, labels: Any, n: int) -> np.ndarray | None:
        """Labels int32 [n], or ``None`` where there are no classes."""
        K = self.networks.num_classes
        if labels is None:
            return np.arange(n, dtype=np.int32) % K if K else None
        if not K:
            raise errors.UserError(f"{self.file.path} takes no labels")
        each = np.asarray(labels)
        if each.dtype.kind not in "iu" or each.ndim > 1 or (each.ndim and len(each) != n):
            raise errors.UserError(f"labels must be whole numbers [{n}], not {list(each.shape)}")
        if each.size and not 0 <= each.min() <= each.max() < K:
            raise errors.UserError(f"labels must be from 0 to {K - 1}")
        return np.broadcast_to(each, (n,)).astype(np.int32)


def load(path: files.Place) -> Pretrained:
    """The networks of a published weights file; its licence is told.

    Raises:
      UserError: if it cannot be read, see ``reading.read``; if networks of its family cannot be
        built; or naming the first tensor that does not fit.
    """
    file = read(path)
    if file.family not in FITS:
        raise errors.UserError(
            f"{file.path} is of {file.family}, whose networks cannot be built here; those of "
            f"{', '.join(FITS)} can"
        )
    try:
        found = FITS[file.family](file)
    except (KeyError, ValueError) as error:
        raise errors.UserError(f"{file.path} ({file.family}): {errors.describe(error)}") from error
    logging.getLogger("jaxgan").info("%s: %s. %s", file.path, file.family, file.licence)
    return Pretrained(file, found)
