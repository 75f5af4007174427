"""Penalties on gradients, weights and outputs: imports jax and nothing else.

Conventions, the same for all: a float32 scalar without its weight, to be multiplied by lambda and
added to a loss; the mean over samples; no factor of one half anywhere.
"""

from jaxgan.regularizers.gradients import (
    approximate_r1,
    dragan,
    global_norm,
    gradient_norms,
    gradient_penalty,
    r1,
    r2,
)
from jaxgan.regularizers.outputs import (
    LeCam,
    balanced_consistency,
    consistency,
    latent_consistency_discriminator,
    latent_consistency_generator,
    lecam,
    lecam_init,
    lecam_update,
    perturb_latents,
)
from jaxgan.regularizers.paths import path_length, path_length_init, path_lengths
from jaxgan.regularizers.weights import (
    HistoricalAverage,
    historical_average,
    historical_average_init,
    historical_average_update,
    orthogonal,
    spectral,
    spectral_init,
    weight_clip,
)
