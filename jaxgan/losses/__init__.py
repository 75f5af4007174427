"""Adversarial and auxiliary losses on plain arrays: imports jax and nothing else."""

from jaxgan.losses.auxiliary import (
    auxiliary_classifier,
    feature_matching,
    mutual_information_categorical,
    mutual_information_gaussian,
    paired_feature_matching,
    representation_alignment,
    semi_supervised_generated,
    semi_supervised_labelled,
    semi_supervised_unlabelled,
)
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
from jaxgan.losses.likelihoods import (
    bernoulli_log_likelihood,
    elbo,
    gaussian_log_likelihood,
    importance_weighted_bound,
    kl_standard_normal,
)
from jaxgan.losses.reconstruction import cycle, identity, l1, l2, lpips, perceptual
from jaxgan.losses.style import content, gram, style, total_variation
