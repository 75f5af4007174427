"""What a generator's latent space holds: paths, styles, directions, and where images are in it."""

from jaxgan.latent.directions import Directions, closed_form, principal, strips
from jaxgan.latent.interpolation import between, interpolate, lerp, slerp
from jaxgan.latent.lengths import path_length
from jaxgan.latent.mixing import mix
from jaxgan.latent.neighbours import nearest_training
from jaxgan.latent.projection import Projection, project
from jaxgan.latent.searching import Settings
from jaxgan.latent.spectra import real_and_generated, spectrum
from jaxgan.latent.sweeps import class_grid, code_sweep, guidance_sweep, truncation_sweep
