"""Adversarial and auxiliary losses on plain arrays: imports jax and nothing else."""

from jaxgan.losses.gan import (
    NAMES,
    AdversarialLoss,
    adversarial,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    relativistic_average,
    relativistic_pairing,
    wasserstein,
)
