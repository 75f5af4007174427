"""The relativistic losses: real and generated logits are compared with each other.

Their signatures and conventions are those of ``gan``.
"""

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jax.typing import ArrayLike

from jaxgan.losses.logits import (
    batch_mean,
    float32,
    refuse_labels,
    require,
)


def relativistic_average_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean softplus(-(real - mean fake)) + mean softplus(fake - mean real)``.

    The inner means run over every element and, with ``axis_name``, over the devices that share
    the batch; gradients flow through them. Real and fake may differ in shape.
    Jolicoeur-Martineau 2018, "The relativistic discriminator" (RaSGAN).
    """
    refuse_labels(
        "relativistic_average", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0)
    )
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    real_mean, fake_mean = batch_mean(real, axis_name), batch_mean(fake, axis_name)
    return jnp.mean(softplus(fake_mean - real)) + jnp.mean(softplus(fake - real_mean))


def relativistic_average_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean softplus(-(fake - mean real)) + mean softplus(real - mean fake)``.

    The discriminator's loss with the roles exchanged, so ``real_logits`` is required.
    Jolicoeur-Martineau 2018 (RaSGAN).

    Raises:
      ValueError: if ``real_logits`` is missing, logits are empty, or a label is given.
    """
    refuse_labels("relativistic_average generator", label=(label, 1.0))
    real = require("real_logits", real_logits)
    return relativistic_average_discriminator(fake_logits, real, axis_name=axis_name)


def relativistic_pairing_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean softplus(-(real - fake))``: each real sample against the fake one at its place.

    Huang et al. 2024, "The GAN is dead; long live the GAN!" (R3GAN), eq. 2 with
    ``f(t) = -log(1 + exp(-t))``, there used with R1 and R2. Jolicoeur-Martineau 2018 (RSGAN).

    Raises:
      ValueError: if the two shapes differ, logits are empty, or a label is given.
    """
    refuse_labels(
        "relativistic_pairing", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0)
    )
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    if real.shape != fake.shape:  # broadcasting [B] against [B, 1] would pair all with all
        raise ValueError(
            f"fake_logits has shape {fake.shape}, real_logits has {real.shape}: they are paired "
            "element by element and must be equal"
        )
    return jnp.mean(softplus(fake - real))


def relativistic_pairing_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean softplus(-(fake - real))``: the roles exchanged, so ``real_logits`` is required.

    Huang et al. 2024 (R3GAN), eq. 2.

    Raises:
      ValueError: if ``real_logits`` is missing or differs in shape, or a label is given.
    """
    refuse_labels("relativistic_pairing generator", label=(label, 1.0))
    real = require("real_logits", real_logits)
    return relativistic_pairing_discriminator(fake_logits, real)
