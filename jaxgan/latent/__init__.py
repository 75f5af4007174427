"""What a generator's latent space holds: where an image is found in it."""

from jaxgan.latent.projection import Projection, project
from jaxgan.latent.searching import Settings

__all__ = ["Projection", "Settings", "project"]
