"""Penalties on what a discriminator says: LeCam, and the consistency family."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan.base.draws import sample_keys


class LeCam(NamedTuple):
    """Moving averages of the logits of real and of generated samples: float32 scalars."""

    real: jax.Array
    fake: jax.Array


def lecam_init(real: ArrayLike = 0.0, fake: ArrayLike = 0.0) -> LeCam:
    """The state before the first step."""
    return LeCam(jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32))


def lecam_update(
    state: LeCam,
    real_logits: jax.Array,
    fake_logits: jax.Array,
    *,
    decay: ArrayLike = 0.99,
    axis_name: str | None = None,
) -> LeCam:
    """``a = decay a + (1 - decay) mean logits`` for real and fake; carries no gradient.

    Without bias correction. The authors correct it in TensorFlow, and in PyTorch start late with
    averages that follow the current batch until then: ``decay`` may be traced, and 0 does that.
    Tseng et al. 2021, "Regularizing Generative Adversarial Networks under Limited Data".

    Raises:
      ValueError: if ``decay`` is outside [0, 1].
    """
    if isinstance(decay, int | float) and not 0 <= decay <= 1:
        raise ValueError(f"decay is {decay}, but must be in [0, 1]")

    decay = jnp.asarray(decay, jnp.float32)

    def follow(average: jax.Array, logits: jax.Array) -> jax.Array:
        mean = jnp.mean(lax.stop_gradient(logits).astype(jnp.float32))
        mean = mean if axis_name is None else lax.pmean(mean, axis_name)
        return decay * average + (1.0 - decay) * mean

    return LeCam(follow(state.real, real_logits), follow(state.fake, fake_logits))


def lecam(
    real_logits: jax.Array, fake_logits: jax.Array, state: LeCam, *, one_sided: bool = False
) -> jax.Array:
    """``mean (real - a_fake)^2 + mean (fake - a_real)^2`` against the averages of ``state``.

    The authors' code differs from the paper: it penalizes ``max(0, real - a_fake)^2`` and
    ``max(0, a_real - fake)^2``; ``one_sided=True`` is that. Multiply by lambda.
    Tseng et al. 2021, section 3.2.
    """
    over = real_logits.astype(jnp.float32) - state.fake
    under = state.real - fake_logits.astype(jnp.float32)
    if one_sided:
        over, under = jax.nn.relu(over), jax.nn.relu(under)
    return jnp.mean(jnp.square(over)) + jnp.mean(jnp.square(under))


def consistency(logits: jax.Array, augmented_logits: jax.Array) -> jax.Array:
    """``mean (D(x) - D(T(x)))^2``: the discriminator must not see the augmentation T (CR).

    Gradients flow into both. Multiply by lambda (10 in the paper). Zhang et al. 2020,
    "Consistency Regularization for Generative Adversarial Networks".

    Raises:
      ValueError: if the two shapes differ.
    """
    return _mean_square("augmented_logits", logits, augmented_logits)


def balanced_consistency(
    real_logits: jax.Array,
    real_augmented_logits: jax.Array,
    fake_logits: jax.Array,
    fake_augmented_logits: jax.Array,
) -> jax.Array:
    """``mean (D(x) - D(T(x)))^2 + mean (D(G(z)) - D(T(G(z))))^2`` (bCR).

    The paper weighs both with 10: for other weights add two calls of ``consistency``. Zhao et al.
    2021, "Improved Consistency Regularization for GANs", algorithm 1.

    Raises:
      ValueError: if the two shapes of a pair differ.
    """
    real = _mean_square("real_augmented_logits", real_logits, real_augmented_logits)
    return real + _mean_square("fake_augmented_logits", fake_logits, fake_augmented_logits)


def latent_consistency_discriminator(
    fake_logits: jax.Array, perturbed_logits: jax.Array
) -> jax.Array:
    """``mean (D(G(z)) - D(G(T(z))))^2``, for D, with T of ``perturb_latents`` (zCR).

    Multiply by lambda_dis (5 in the paper). Zhao et al. 2021, algorithm 2.

    Raises:
      ValueError: if the two shapes differ.
    """
    return _mean_square("perturbed_logits", fake_logits, perturbed_logits)


def latent_consistency_generator(images: jax.Array, perturbed_images: jax.Array) -> jax.Array:
    """``-mean (G(z) - G(T(z)))^2``, for G: a negative number, to be *added* to its loss (zCR).

    The mean runs over pixels too. Multiply by lambda_gen (0.5 in the paper). Zhao et al. 2021,
    algorithm 2.

    Raises:
      ValueError: if the two shapes differ.
    """
    return -_mean_square("perturbed_images", images, perturbed_images)


def perturb_latents(
    key: jax.Array, latents: jax.Array, *, sigma: ArrayLike = 0.03, axis_name: str | None = None
) -> jax.Array:
    """``T(z) = z + sigma n`` with n ~ N(0, I), for latents ``[B, ...]``; one key or ``[B]``.

    Zhao et al. 2021, algorithm 2: sigma is the standard deviation, not the variance.
    """
    keys = sample_keys(key, latents.shape[0], axis_name)
    noise = jax.vmap(lambda k: jax.random.normal(k, latents.shape[1:], jnp.float32))(keys)
    sigma = jnp.asarray(sigma, jnp.float32)
    return (latents.astype(jnp.float32) + sigma * noise).astype(latents.dtype)


def _mean_square(name: str, a: jax.Array, b: jax.Array) -> jax.Array:
    if a.shape != b.shape:
        raise ValueError(f"{name} has shape {b.shape}, but its partner has {a.shape}")
    return jnp.mean(jnp.square(a.astype(jnp.float32) - b.astype(jnp.float32)))
