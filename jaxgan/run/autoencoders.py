"""An autoencoder by its path."""

from jaxgan.base import errors, files
from jaxgan.base.autoencoder import Autoencoder


def load(path: files.Place, shape: tuple[int, ...] | None = None) -> Autoencoder:
    """The autoencoder at a path, for images of a shape [H, W, C].

    Raises:
      UserError: if there is none.
    """
    raise errors.UserError(f"{path} is no autoencoder")
