"""A published network from image to image: load it, translate by it."""

import dataclasses
import logging
from functools import cached_property
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxgan.base import draws, errors, files
from jaxgan.run import notebook, pretrained, requests, sampling
from jaxgan.run.pretrained import Pretrained
from jaxgan.weights import fits, translators
from jaxgan.weights.reading import File, read

CHUNK = 4


@dataclasses.dataclass(frozen=True)
class Translating:
    """Somebody else's generator of CycleGAN or pix2pix.

    Attributes:
      file: what was read: its family, licence and SHA-256.
      network: as ours.
    """

    file: File
    network: translators.Translator

    @property
    def facts(self) -> dict[str, str]:
        """What it is, as a notebook shows it."""
        return {
            "file": str(self.file.path),
            "family": self.file.family,
            "licence": self.file.licence,
            "translates": f"images of {self.channels} channels",
            "parameters": notebook.parameters({"g": self.network.variables["params"]}),
        }

    def __repr__(self) -> str:
        """Its facts."""
        return notebook.line(self)

    def _repr_html_(self) -> str:
        return notebook.page(self, None)

    @property
    def channels(self) -> int:
        """Of the images that ``translate`` takes."""
        return self.network.into

    def translate(self, images: Any, *, key: jax.Array | None = None) -> np.ndarray:
        """Images [n, H, W, C'] in [-1, 1] of images [n, H, W, C] in [-1, 1].

        Args:
          images: of any size that the network takes.
          key: of dropout, which pix2pix's program leaves on; ``None`` turns it off.

        Raises:
          UserError: if they are no images, of other channels, or of a size that it cannot take.
        """
        shape = (*np.shape(images)[1:3], self.network.into)
        x = requests.check_array("images", images, shape)
        keys = None if key is None else draws.sample_keys(key, len(x))
        try:
            jax.eval_shape(self._translate, x[:CHUNK], None if keys is None else keys[:CHUNK])
        except ValueError as error:
            raise errors.UserError(f"{self.file.path}: {error}") from error

        def make(rows: np.ndarray) -> jax.Array:
            return self._translate(x[rows], None if keys is None else keys[rows])

        return sampling.in_chunks(make, len(x), CHUNK)

    @cached_property
    def _translate(self) -> Any:
        module: nn.Module = translators.network(self.network)
        variables = self.network.variables
        return jax.jit(lambda x, keys: module.apply(variables, x, keys, train=False))


def load(path: files.Place) -> Pretrained | Translating:
    """The networks of a published weights file, whatever they make images from.

    Raises:
      UserError: as ``pretrained.load`` does, or for a discriminator of CycleGAN or pix2pix alone.
    """
    file = read(path)
    if file.family != fits.TRANSLATORS:
        return pretrained.of_file(file)
    with fits.told_in_a_line(file):
        network = translators.read(file.networks[""])
    if network.kind not in translators.GENERATORS:
        raise errors.UserError(f"{file.path} is {fits.told(file)}, a discriminator alone")
    logging.getLogger("jaxgan").info("%s: %s. %s", file.path, file.family, file.licence)
    return Translating(file, network)
