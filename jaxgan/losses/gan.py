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
from jax import lax
from jax.nn import softplus
from jax.typing import ArrayLike


class AdversarialLoss(NamedTuple):
    """A discriminator loss and its generator loss; the module's docstring gives the signatures."""

    discriminator: Callable[..., jax.Array]
    generator: Callable[..., jax.Array]


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
        ValueError: if logits are empty, or a label is outside [0, 1] or does not broadcast.
    """
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
    real_term = _cross_entropy(real, _probability("real_label", real_label, real))
    return real_term + _cross_entropy(fake, _probability("fake_label", fake_label, fake))


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
    _refuse_labels("minimax generator", label=(label, 1.0))
    return -jnp.mean(softplus(_float32("fake_logits", fake_logits)))


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
        ValueError: if logits are empty, or the label is outside [0, 1] or does not broadcast.
    """
    fake = _float32("fake_logits", fake_logits)
    return _cross_entropy(fake, _probability("label", label, fake))


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
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
    real_term = jnp.mean(jnp.square(real - _label("real_label", real_label, real)))
    return real_term + jnp.mean(jnp.square(fake - _label("fake_label", fake_label, fake)))


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
    fake = _float32("fake_logits", fake_logits)
    return jnp.mean(jnp.square(fake - _label("label", label, fake)))


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
    _refuse_labels("wasserstein", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0))
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
    return jnp.mean(fake) - jnp.mean(real)


def wasserstein_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``-mean fake``. Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1."""
    _refuse_labels("wasserstein generator", label=(label, 1.0))
    return -jnp.mean(_float32("fake_logits", fake_logits))


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
    _refuse_labels("hinge", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0))
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
    return jnp.mean(jax.nn.relu(1.0 - real)) + jnp.mean(jax.nn.relu(1.0 + fake))


def hinge_generator(
    fake_logits: ArrayLike,
    real_logits: ArrayLike | None = None,
    *,
    label: ArrayLike = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """``-mean fake``: no hinge on the generator's side. Miyato et al. 2018, eq. 17."""
    _refuse_labels("hinge generator", label=(label, 1.0))
    return -jnp.mean(_float32("fake_logits", fake_logits))


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
    _refuse_labels(
        "relativistic_average", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0)
    )
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
    real_mean, fake_mean = _batch_mean(real, axis_name), _batch_mean(fake, axis_name)
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
    _refuse_labels("relativistic_average generator", label=(label, 1.0))
    real = _required("real_logits", real_logits)
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
    _refuse_labels(
        "relativistic_pairing", real_label=(real_label, 1.0), fake_label=(fake_label, 0.0)
    )
    real, fake = _float32("real_logits", real_logits), _float32("fake_logits", fake_logits)
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
    _refuse_labels("relativistic_pairing generator", label=(label, 1.0))
    real = _required("real_logits", real_logits)
    return relativistic_pairing_discriminator(fake_logits, real)


def _float32(name: str, logits: ArrayLike) -> jax.Array:
    x = jnp.asarray(logits, jnp.float32)
    if x.size == 0:
        raise ValueError(f"{name} is empty, of shape {x.shape}: its mean would be nan")
    return x


def _required(name: str, logits: ArrayLike | None) -> ArrayLike:
    if logits is None:
        raise ValueError(f"{name} is required: a relativistic generator compares fake with real")
    return logits


def _batch_mean(x: jax.Array, axis_name: str | None) -> jax.Array:
    mean = jnp.mean(x)
    return mean if axis_name is None else lax.pmean(mean, axis_name)


def _cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    # Not softplus(x) - label * x, which cancels for the large logits of a confident D.
    return jnp.mean(label * softplus(-logits) + (1.0 - label) * softplus(logits))


def _label(name: str, label: ArrayLike, logits: jax.Array) -> jax.Array:
    y = jnp.asarray(label, jnp.float32)
    # [B] against [B, 1] would silently compare every label with every logit.
    if len(y.shape) > logits.ndim or any(
        a not in (1, b) for a, b in zip(y.shape[::-1], logits.shape[::-1], strict=False)
    ):
        raise ValueError(f"{name} has shape {y.shape}, which does not broadcast to {logits.shape}")
    return y


def _probability(name: str, label: ArrayLike, logits: jax.Array) -> jax.Array:
    if isinstance(label, int | float) and not 0 <= label <= 1:
        raise ValueError(f"{name} is {label}, but a label here is a probability in [0, 1]")
    return _label(name, label, logits)


def _refuse_labels(loss: str, **labels: tuple[ArrayLike, float]) -> None:
    for name, (label, default) in labels.items():
        if not isinstance(label, int | float) or label != default:
            raise ValueError(f"{name} was given, but {loss} has no labels")


minimax = AdversarialLoss(minimax_discriminator, minimax_generator)
non_saturating = AdversarialLoss(minimax_discriminator, non_saturating_generator)
least_squares = AdversarialLoss(least_squares_discriminator, least_squares_generator)
wasserstein = AdversarialLoss(wasserstein_discriminator, wasserstein_generator)
hinge = AdversarialLoss(hinge_discriminator, hinge_generator)
relativistic_average = AdversarialLoss(
    relativistic_average_discriminator, relativistic_average_generator
)
relativistic_pairing = AdversarialLoss(
    relativistic_pairing_discriminator, relativistic_pairing_generator
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
