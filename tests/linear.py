"""An autoencoder of two matrices, in the place of a trained one."""

import jax.numpy as jnp
import numpy as np

from jaxgan import config
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.base.errors import UserError
from jaxgan.run import autoencoders, encoded
from tests.conftest import EXPERIMENTS

SHAPE, LATENT = (8, 8, 1), (4, 4, 2)


def matrix():
    """From pixels to the values of a latent: rows of unit length, at right angles."""
    pixels, values = np.prod(SHAPE), np.prod(LATENT)
    return np.linalg.qr(np.random.RandomState(0).normal(size=(pixels, values)))[0].astype("float32")


def linear(**other):
    """Latents of digits 8 x 8, whose deviation grows with the ink."""

    def encode(variables, images):
        flat = images.reshape(len(images), -1)
        mean = (flat @ variables["w"]).reshape(-1, *LATENT)
        ink = jnp.mean(images + 1, axis=(1, 2, 3)).reshape(-1, 1, 1, 1)
        return mean, jnp.broadcast_to(0.5 * ink, mean.shape)

    def decode(variables, latents):
        return (latents.reshape(len(latents), -1) @ variables["w"].T).reshape(-1, *SHAPE)

    known = {"name": "linear", "digest": "d1", "shape": SHAPE, "latent": LATENT}
    functions = {"variables": {"w": matrix()}, "encode": encode, "decode": decode}
    scaled = {"scale": (0.5,) * LATENT[-1], "shift": (0.25,) * LATENT[-1]}
    return Autoencoder(**(known | scaled | functions | other))


class Shelf:
    """Where autoencoders are found, by path; it counts what is encoded.

    Attributes:
      found: by path.
      encoded: how many images an encoder was given.
    """

    def __init__(self):
        self.found = {"linear": linear()}

    def load(self, path, shape=None):
        if path not in self.found:
            raise UserError(f"{path} is not the folder of a run: no config.json")
        return self.found[path]


def shelved(patch, cache):
    """A shelf that ``data.latent`` is found on, with an empty cache."""
    shelf = Shelf()
    patch.setattr(autoencoders, "load", shelf.load)
    patch.setenv("XDG_CACHE_HOME", str(cache))
    return shelf


def settings(name, *overrides):
    """The smoke config of an experiment on the digits, in latents unless told otherwise."""
    given = ["data.name=digits", "parallel.devices=1", "data.latent=linear", *overrides]
    return config.load(
        str(EXPERIMENTS / f"{name}.py"),
        [f"--config.{each}" for each in given],
        smoke=True,
        describe=encoded.describe,
    )
