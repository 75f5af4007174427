"""Penalties on the gradient of a critic with respect to its input.

A critic is any function from samples ``[B, ...]`` to logits ``[B, ...]``: close over parameters
and statistics. A sample's gradient is that of the sum of its logits, so a PatchGAN's map counts
as its sum. It must not mix samples (batch norm does: Gulrajani et al. 2017, section 4). Samples
are handed to it in float32, norms are over all axes but the first and in float32, whatever the
critic computes in. Each penalty is the mean over the *local* batch: with a batch that is split
over devices, average it, or its gradient, over the axis.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.base.draws import normal, sample_keys

PyTree = Any
Critic = Callable[[jax.Array], jax.Array]

# Inside the square root: where the gradient vanishes, that of its norm would be nan. It moves a
# norm of 1e-3 by 5e-7 of itself, and a norm of 1 not at all.
EPSILON = 1e-12


def gradient_penalty(
    critic: Critic,
    real: jax.Array,
    fake: jax.Array,
    key: jax.Array,
    *,
    target: float = 1.0,
    one_sided: bool = False,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean (|grad D(x)| - target)^2`` at ``x = e real + (1 - e) fake``, one e ~ U[0, 1] a sample.

    With ``one_sided`` ``mean max(0, |grad D(x)| - target)^2``; ``target=0`` is the zero-centred
    penalty ``mean |grad D(x)|^2``, taken without a square root. Multiply by lambda (10 in the
    paper; no half). The norm is ``sqrt(|.|^2 + 1e-12)``.

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", eq. 3; one-sided: there in
    section 4 and Petzka et al. 2018, "On the regularization of Wasserstein GANs" (WGAN-LP);
    zero-centred: Thanh-Tung et al. 2019, "Improving Generalization and Stability of Generative
    Adversarial Networks" (0-GP).

    Args:
      critic: from ``[B, ...]`` to logits ``[B, ...]``.
      real: samples ``[B, ...]``.
      fake: samples of the same shape; as data, so stop their gradient where that matters.
      key: one key, or one a sample ``[B]``.
      target: the norm wanted.
      one_sided: whether smaller norms go free.
      axis_name: the mapped axis over which the batch is split, so that shards draw apart.

    Raises:
      ValueError: if real and fake differ in shape, ``target`` is negative, or the critic does
        not return logits for each sample.
    """
    if real.shape != fake.shape:
        raise ValueError(f"fake has shape {fake.shape}, but real has {real.shape}")
    if isinstance(target, int | float) and target < 0:
        raise ValueError(f"target is {target}, but no norm is negative")
    keys = sample_keys(key, real.shape[0], axis_name)
    mix = _per_sample(_uniform(keys, ()), real.ndim)
    real, fake = real.astype(jnp.float32), fake.astype(jnp.float32)
    return _deviation(critic, mix * real + (1.0 - mix) * fake, target, one_sided)


def dragan(
    critic: Critic,
    real: jax.Array,
    key: jax.Array,
    *,
    scale: float = 0.5,
    target: float = 1.0,
    one_sided: bool = False,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean (|grad D(x)| - target)^2`` at ``x = real + a scale std(real) u``, around real data.

    u ~ U[0, 1] an element and a ~ U[0, 1] a sample, as in the authors' code (the paper's text
    has a normal perturbation); std is one number, over every element of the batch and, with
    ``axis_name``, over the devices that share it. Multiply by lambda (10 in the paper; no half).

    Kodali et al. 2017, "On Convergence and Stability of GANs" (DRAGAN).

    Raises:
      ValueError: if ``scale`` or ``target`` is negative, or the critic does not return logits
        for each sample.
    """
    for name, value in (("scale", scale), ("target", target)):
        if isinstance(value, int | float) and value < 0:
            raise ValueError(f"{name} is {value}, but must not be negative")
    real = real.astype(jnp.float32)
    keys = jax.vmap(jax.random.split)(sample_keys(key, real.shape[0], axis_name))
    amount = _per_sample(_uniform(keys[:, 0], ()), real.ndim)
    noise = _uniform(keys[:, 1], real.shape[1:])
    mean = _mean(real, axis_name)
    std = jnp.sqrt(_mean(jnp.square(real - mean), axis_name) + EPSILON)
    amount = amount * jnp.asarray(scale, jnp.float32)
    return _deviation(critic, real + amount * std * noise, target, one_sided)


def r1(critic: Critic, real: jax.Array) -> jax.Array:
    """``mean |grad D(x)|^2`` at real samples ``[B, ...]``.

    The paper's penalty is gamma / 2 times this: multiply by ``gamma / 2``. Mescheder et al. 2018,
    "Which Training Methods for GANs do actually Converge?", eq. 9.

    Raises:
      ValueError: if the critic does not return logits for each sample.
    """
    return jnp.mean(_squared_norms(critic, real.astype(jnp.float32)))


def r2(critic: Critic, fake: jax.Array) -> jax.Array:
    """``mean |grad D(x)|^2`` at generated samples ``[B, ...]``, which count as data.

    The paper's penalty is gamma / 2 times this. Mescheder et al. 2018, eq. 10.

    Raises:
      ValueError: if the critic does not return logits for each sample.
    """
    return jnp.mean(_squared_norms(critic, lax.stop_gradient(fake).astype(jnp.float32)))


def approximate_r1(
    critic: Critic,
    samples: jax.Array,
    key: jax.Array,
    *,
    sigma: float = 0.01,
    logits: jax.Array | None = None,
    axis_name: str | None = None,
) -> jax.Array:
    """``mean ((D(x) - D(x + sigma u)) / sigma)^2``, u ~ N(0, I): R1, or R2, by a difference.

    For small sigma it is ``mean |grad D(x)|^2`` in the mean over u, for the price of one more
    forward pass, which can be differentiated once. Multiply by ``gamma / 2``. Lin et al. 2025,
    "Diffusion Adversarial Post-Training for One-Step Video Generation" (arXiv:2501.08316),
    section 3.4; over sigma squared, as in GAT (arXiv:2509.24935).

    Args:
      critic: from ``[B, ...]`` to logits ``[B, ...]``.
      samples: x, ``[B, ...]``, as data.
      key: one key, or one a sample ``[B]``.
      sigma: the length of the step, in each coordinate.
      logits: D(x), if it is known already.
      axis_name: the mapped axis over which the batch is split, so that shards draw apart.

    Raises:
      ValueError: if ``sigma`` is not above 0.
    """
    if isinstance(sigma, int | float) and not sigma > 0:
        raise ValueError(f"sigma is {sigma}, but must be above 0")
    x, step = lax.stop_gradient(samples).astype(jnp.float32), jnp.asarray(sigma, jnp.float32)
    keys = sample_keys(key, x.shape[0], axis_name)
    beside = critic(x + step * normal(keys, x.shape[1:]))
    here = critic(x) if logits is None else logits
    slope = (here.astype(jnp.float32) - beside.astype(jnp.float32)) / step
    return jnp.mean(jnp.square(slope))


def gradient_norms(critic: Critic, x: jax.Array) -> jax.Array:
    """``|grad D(x)|`` of each sample of ``[B, ...]``, float32 ``[B]``, for logging; no epsilon.

    Raises:
      ValueError: if the critic does not return logits for each sample.
    """
    return _root(_squared_norms(critic, x.astype(jnp.float32)))


def global_norm(tree: PyTree) -> jax.Array:
    """The Euclidean norm of all leaves together, in float32: of a player's gradients, for logging.

    Over devices, take it of the averaged gradient. An empty tree has the norm 0.
    """
    squares = [jnp.sum(jnp.square(x.astype(jnp.float32))) for x in jax.tree.leaves(tree)]
    return _root(sum(squares, jnp.zeros((), jnp.float32)))


def _deviation(critic: Critic, x: jax.Array, target: float, one_sided: bool) -> jax.Array:
    squares = _squared_norms(critic, x)
    if isinstance(target, int | float) and target == 0:
        return jnp.mean(squares)
    excess = jnp.sqrt(squares + EPSILON) - jnp.asarray(target, jnp.float32)
    return jnp.mean(jnp.square(jax.nn.relu(excess) if one_sided else excess))


def _squared_norms(critic: Critic, x: jax.Array) -> jax.Array:
    def total(x: jax.Array) -> jax.Array:
        logits = critic(x)
        if logits.shape[:1] != x.shape[:1]:  # a mean over the batch would divide each norm by B
            raise ValueError(
                f"critic returned shape {logits.shape} for {x.shape[0]} samples: its leading "
                "axis must be the batch"
            )
        return jnp.sum(logits.astype(jnp.float32))

    gradient = jax.grad(total)(x)
    return jnp.sum(jnp.square(gradient), axis=tuple(range(1, x.ndim)))


def _root(squares: jax.Array) -> jax.Array:
    """The square root, whose gradient at 0 is 0, not the nan of 0 times infinity."""
    zero = squares == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, squares)))


def _uniform(keys: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draws [B, *shape] from U[0, 1], float32, one for each of the keys [B]."""
    return jax.vmap(lambda key: jax.random.uniform(key, shape, jnp.float32))(keys)


def _per_sample(values: jax.Array, ndim: int) -> jax.Array:
    return values.reshape(-1, *(1,) * (ndim - 1))


def _mean(x: jax.Array, axis_name: str | None) -> jax.Array:
    mean = jnp.mean(x)
    return mean if axis_name is None else lax.pmean(mean, axis_name)
