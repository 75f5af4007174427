"""The two-player losses: for each name a discriminator and a generator loss, to be minimized.

Conventions, the same for all: logits of any shape (``[B]``, ``[B, 1]``, PatchGAN's
``[B, h, w, 1]``), never probabilities; the mean over every element of each of real and fake, the
two terms added, with no factor of one half anywhere; computed and returned in float32.

All share one signature, so that a method can call any of them by name::

    discriminator(real_logits, fake_logits, *, real_label=1.0, fake_label=0.0, axis_name=None)
    generator(fake_logits, real_logits=None, *, label=1.0, axis_name=None)

Labels are numbers or arrays that broadcast *to* the logits: 0.9 for one-sided smoothing, 0.9 and
0.1 for two-sided, a draw for soft labels, 0 and 1 exchanged for flipped ones. A loss without
labels refuses any but the defaults. ``axis_name`` is the mapped axis over which a batch is split
(``pmap``, ``shard_map``); only the relativistic average couples samples and so needs it. Every
loss returns the mean over the *local* samples: average it, or its gradient, over the axis.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jax.typing import ArrayLike

from jaxgan.losses.logits import (
    cross_entropy,
    float32,
    label_for,
    probability,
    refuse_labels,
)
from jaxgan.losses.relativistic import (
    relativistic_average_discriminator,
    relativistic_average_generator,
    relativistic_pairing_discriminator,
    relativistic_pairing_generator,
)


class AdversarialLoss(NamedTuple):
    """A discriminator loss and its generator loss, and what is true of them.

    Attributes:
      discriminator: the module's docstring gives its signature.
      generator: likewise.
      paired: the generator's loss compares with real logits, and so needs them.
      labelled: the discriminator's loss takes ``real_label`` and ``fake_label``.
      tie: the logit at which neither player is ahead; None where the losses have no level.
      threshold: the logit that divides real from generated; None where none does.
    """

    discriminator: Callable[..., jax.Array]
    generator: Callable[..., jax.Array]
    paired: bool = False
    labelled: bool = False
    tie: float | None = 0.0
    threshold: float | None = 0.0


def minimax_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean BCE(real, real_label) + mean BCE(fake, fake_label)``, from logits.

    With hard labels ``-log D(x) - log(1 - D(G(z)))`` for ``D = sigmoid(logits)``, computed as
    ``softplus(-real) + softplus(fake)``. At equilibrium it is 2 log 2, not log 2: there is no
    half. Labels are probabilities. Goodfellow et al. 2014, "Generative Adversarial Nets", eq. 1;
    smoothing: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4.

    Raises:
      ValueError: if logits are empty, a label does not broadcast, or a number given as label is
        outside [0, 1].
    """
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    real_term = cross_entropy(real, probability("real_label", real_label, real))
    return real_term + cross_entropy(fake, probability("fake_label", fake_label, fake))


def minimax_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean log(1 - D(G(z))) = -mean softplus(fake)``: saturates where D is confident.

    It has no label: G's loss is by definition the negative of D's term for hard labels.
    Goodfellow et al. 2014, eq. 1 and algorithm 1.
    """
    refuse_labels("minimax generator", label=(label, 1.0))
    return -jnp.mean(softplus(float32("fake_logits", fake_logits)))


def non_saturating_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean BCE(fake, label)``; with the label 1 ``-mean log D(G(z)) = mean softplus(-fake)``.

    Goodfellow et al. 2014, section 3. The discriminator's loss is that of ``minimax``.

    Raises:
      ValueError: if logits are empty, the label does not broadcast, or it is a number outside
        [0, 1].
    """
    fake = float32("fake_logits", fake_logits)
    return cross_entropy(fake, probability("label", label, fake))


def least_squares_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean (real - real_label)^2 + mean (fake - fake_label)^2``: the paper's b and a.

    Without the paper's halves, and on raw outputs: no sigmoid. Labels are any real numbers. Mao
    et al. 2017, "Least Squares Generative Adversarial Networks", eq. 2 (a, b, c) and eq. 9 (the
    0-1 coding of the defaults).
    """
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    real_term = jnp.mean(jnp.square(real - label_for("real_label", real_label, real)))
    return real_term + jnp.mean(jnp.square(fake - label_for("fake_label", fake_label, fake)))


def least_squares_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean (fake - label)^2``, without the paper's half; ``label`` is the paper's c.

    With labels -1, 1 in D and ``label=0`` here, G minimizes Pearson's chi-squared divergence.
    Mao et al. 2017, eq. 2 and eq. 8 (-1, 1, 0), eq. 9 (0, 1, 1).
    """
    fake = float32("fake_logits", fake_logits)
    return jnp.mean(jnp.square(fake - label_for("label", label, fake)))


def wasserstein_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean fake - mean real``: the negative of the estimated distance; outputs are unbounded.

    Wants a Lipschitz critic: see ``regularizers.weight_clip`` and ``gradient_penalty``.
    Arjovsky et al. 2017, "Wasserstein GAN", eq. 3 and algorithm 1.
    """
    refuse_labels("wasserstein", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0))
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    return jnp.mean(fake) - jnp.mean(real)


def wasserstein_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``-mean fake``. Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1."""
    refuse_labels("wasserstein generator", label=(label, 1.0))
    return -jnp.mean(float32("fake_logits", fake_logits))


def hinge_discriminator(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: ArrayLike = 1.0,
    fake_label: ArrayLike = 0.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean max(0, 1 - real) + mean max(0, 1 + fake)``; the slope at a kink is 0.

    Lim and Ye 2017, "Geometric GAN", section 4; Miyato et al. 2018, "Spectral Normalization for
    Generative Adversarial Networks", eq. 16.
    """
    refuse_labels("hinge", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0))
    real, fake = float32("real_logits", real_logits), float32("fake_logits", fake_logits)
    return jnp.mean(jax.nn.relu(1.0 - real)) + jnp.mean(jax.nn.relu(1.0 + fake))


def hinge_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``-mean fake``: no hinge on the generator's side. Miyato et al. 2018, eq. 17."""
    refuse_labels("hinge generator", label=(label, 1.0))
    return -jnp.mean(float32("fake_logits", fake_logits))


minimax = AdversarialLoss(minimax_discriminator, minimax_generator, labelled=True)
non_saturating = AdversarialLoss(minimax_discriminator, non_saturating_generator, labelled=True)
least_squares = AdversarialLoss(
    least_squares_discriminator, least_squares_generator, labelled=True, tie=0.5, threshold=0.5
)
wasserstein = AdversarialLoss(
    wasserstein_discriminator, wasserstein_generator, tie=None, threshold=None
)
hinge = AdversarialLoss(hinge_discriminator, hinge_generator)
relativistic_average = AdversarialLoss(
    relativistic_average_discriminator,
    relativistic_average_generator,
    paired=True,
    threshold=None,
)
relativistic_pairing = AdversarialLoss(
    relativistic_pairing_discriminator,
    relativistic_pairing_generator,
    paired=True,
    threshold=None,
)

_LOSSES = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "least_squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic_average": relativistic_average,
    "relativistic_pairing": relativistic_pairing,
}
NAMES = tuple(_LOSSES)


def adversarial(name: str) -> AdversarialLoss:
    """The loss called ``name``, one of ``NAMES``.

    Raises:
      ValueError: for any other name, listing the choices.
    """
    if name not in _LOSSES:
        raise ValueError(f"name is {name!r}, but the losses are {', '.join(NAMES)}")
    return _LOSSES[name]
