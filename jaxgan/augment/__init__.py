"""Augmentations inside the training step, differentiable and batched: imports jax, nothing else.

Every draw belongs to a sample: with one key, sample i of the global batch draws from
``fold_in(key, i)``, so that the result does not depend on the number of devices. Images are
``[B, H, W, C]`` of a floating type, computed in float32 and returned in their own dtype; noise
is for other samples ``[B, ...]``, too.
"""

from jaxgan.augment.controller import AdaState, ada_advance, ada_init, ada_update
from jaxgan.augment.diff import POLICIES, color, cutout, diff_augment, translation
from jaxgan.augment.draws import BLIT, COLOR, CORRUPTION, FILTER, GEOMETRY, TRANSFORMS
from jaxgan.augment.latent import Moves, draw_moves, follow, latent_augment, move
from jaxgan.augment.levels import noise_levels, noised
from jaxgan.augment.pipeline import DEFAULT, ada
from jaxgan.augment.simple import anneal, horizontal_flip, instance_noise
from jaxgan.base.draws import sample_keys
