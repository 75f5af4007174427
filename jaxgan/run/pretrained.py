"""A trained model from a published weights file: load it, sample from it, judge by it."""

import dataclasses
import logging
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import draws, errors, files
from jaxgan.run import notebook, requests, sampling
from jaxgan.weights import fits, players
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File, read

CHUNK = 32
# Where latents are drawn again that are larger, in the networks that were measured by truncation.
CUT_OFF = 2.0
NOISES = ("random", "const", "none")


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Somebody else's trained networks.

    Attributes:
      file: what was read: its family, licence and SHA-256.
      networks: as ours.
    """

    file: File
    networks: Fitted

    @property
    def facts(self) -> dict[str, str]:
        """What it is, as a notebook shows it."""
        networks = self.networks
        players_of = {"g": networks.g, **({} if networks.d is None else {"d": networks.d})}
        return {
            "file": str(self.file.path),
            "family": self.file.family,
            "licence": self.file.licence,
            "samples": notebook.told(networks.shape),
            "classes": f"{networks.num_classes}",
            "parameters": notebook.parameters(
                {name: weights["params"] for name, weights in players_of.items()}
            ),
        }

    def __repr__(self) -> str:
        """Its facts."""
        return notebook.line(self)

    def _repr_html_(self) -> str:
        return notebook.page(self, self.networks.shape)

    def latents(self, key: jax.Array, n: int) -> np.ndarray:
        """Latents [n, Z] as their program draws them: standard normal, Hugging Face's cut off at 2.

        Raises:
          UserError: if n is less than 1 or too large, or the key is none.
        """
        requests.check_count(n, self.networks.shape)
        requests.check_key(key)
        keys, shape = draws.sample_keys(key, n), (self.networks.latent_dim,)
        if players.is_bounded(self.networks):
            return np.asarray(draws.truncated_normal(keys, shape, CUT_OFF))
        return np.asarray(draws.normal(keys, shape))

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
        guidance: float = 1.0,
        key: jax.Array | None = None,
    ) -> np.ndarray:
        """Images [n, H, W, C] of latents [n, Z]: in [-1, 1], of StyleGAN about there and unbounded.

        Args:
          latents: see ``latents``.
          labels: int [n], or one for all; each class in turn if there are any and none is given.
          truncation: psi; 1 is none.
          cutoff: how many layers are truncated; ``None``: all.
          noise: ``'random'``, ``'const'`` (the file's) or ``'none'``.
          guidance: of GAT, how far w is from the mean over all classes of its latent; 1 is none.
          key: of random noise; a fixed one by default.

        Raises:
          UserError: for latents of another length, labels that there are not, or a setting that the
            network has not.
        """
        Z, takes = self.networks.latent_dim, players.takes(self.networks)
        z = requests.check_array("latents", latents, (Z,))
        if noise not in NOISES:
            raise errors.unknown("noise", str(noise), NOISES)
        self.check_settings(truncation=truncation, cutoff=cutoff, guidance=guidance)
        psi, scale = jnp.float32(truncation), None if guidance == 1 else jnp.float32(guidance)
        each = self._labels(labels, len(z))
        keys: Any = None
        if noise == "random" and "noise" in takes:
            keys = draws.sample_keys(jax.random.key(0) if key is None else key, len(z))

        def make(rows: np.ndarray) -> jax.Array:
            some, maps = (x if x is None else x[rows] for x in (each, keys))
            kind = noise if maps is None else "random"
            return self._generate(
                self.networks.g, z[rows], some, psi, cutoff, maps, scale, kind=kind
            )

        return sampling.in_chunks(make, len(z), CHUNK)

    def discriminate(self, images: Any, labels: Any = None) -> np.ndarray:
        """Logits [n] of images [n, H, W, C] in [-1, 1], all in one batch, of which they may depend.

        Raises:
          UserError: if the file has no discriminator, or for images of another shape.
        """
        if self._judge is None:
            raise errors.UserError(f"{self.file.path} has no discriminator")
        x = requests.check_array("images", images, self.networks.shape)
        return np.asarray(self._judge(self.networks.d, x, self._labels(labels, len(x))))

    def check_settings(
        self, truncation: float = 1.0, cutoff: int | None = None, guidance: float = 1.0
    ) -> None:
        """Refuses what the generator has not, or not so.

        Raises:
          UserError: naming it.
        """
        takes = players.takes(self.networks)
        numbers = {"truncation": truncation, "guidance": guidance}
        chosen = [name for name, value in numbers.items() if value != 1]
        for name in (*chosen, *(() if cutoff is None else ("cutoff",))):
            if name not in takes:
                raise errors.UserError(f"the network of {self.file.path} takes no {name}")
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise errors.UserError(f"{name} must be a number, not {value}")
        if players.is_bounded(self.networks) and not 0 < truncation <= 1:
            raise errors.UserError(f"truncation must be above 0 and at most 1, not {truncation}")

    def cycle(self, labels: Any, n: int) -> dict[str, Any]:
        """``labels`` [n] for as many samples, of some (``None``: of all) in turn; {} without any.

        Raises:
          UserError: if the network takes none, or there are no such classes.
        """
        K = self.networks.num_classes
        if labels is None and not K:
            return {}
        self._check_conditional()
        return requests.cycle(labels, n, K, ())

    def _check_conditional(self) -> None:
        if not self.networks.num_classes:
            raise errors.UserError(f"{self.file.path} takes no labels")

    @cached_property
    def _generate(self) -> Callable[..., jax.Array]:
        made = players.generator(self.networks)

        @partial(jax.jit, static_argnames="kind")
        def generate(
            g: Any,
            z: Any,
            labels: Any,
            truncation: Any,
            cutoff: Any,
            keys: Any,
            guidance: Any,
            kind: str,
        ) -> jax.Array:
            noise = keys if kind == "random" else kind
            return made(g, z, labels, truncation, cutoff, noise, guidance)

        return generate

    @cached_property
    def _judge(self) -> Callable[..., jax.Array] | None:
        made = players.discriminator(self.networks)
        return made and jax.jit(made)

    def _labels(self, labels: Any, n: int) -> np.ndarray | None:
        """Labels int32 [n], or ``None`` where there are no classes.

        Raises:
          UserError: for labels that there are not, or that are not n.
        """
        K = self.networks.num_classes
        if labels is None:
            return np.arange(n, dtype=np.int32) % K if K else None
        self._check_conditional()
        requests.check_rows("labels", labels, n)
        each = requests.numbers("labels", labels, K, ())
        return np.broadcast_to(each, (n,)).astype(np.int32)


def load(path: files.Place) -> Pretrained:
    """The networks of a published weights file; its licence is told.

    Raises:
      UserError: if it cannot be read, see ``reading.read``, or does not fit, see ``fits.fit``.
    """
    return of_file(read(path))


def of_file(file: File) -> Pretrained:
    """The networks of a file that was read.

    Raises:
      UserError: if it does not fit, see ``fits.fit``.
    """
    found = fits.fit(file)
    logging.getLogger("jaxgan").info("%s: %s. %s", file.path, file.family, file.licence)
    return Pretrained(file, found)
