"""ADA's pipeline: geometry, colour, filtering and corruption, each with one probability.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data" (StyleGAN2-ADA),
appendix B.
"""

from collections.abc import Collection, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxgan.augment.draws import BLIT, COLOR, CORRUPTION, FILTER, GEOMETRY, TRANSFORMS, Draws, draw
from jaxgan.augment.images import check_images, per_sample
from jaxgan.augment.warp import amplify_bands, warp

# What the paper trains with, the authors' "bgc".
DEFAULT = BLIT + GEOMETRY + COLOR


def ada(
    key: jax.Array,
    images: jax.Array,
    p: ArrayLike,
    *,
    transforms: Collection[str] | Mapping[str, float] = DEFAULT,
    axis_name: str | None = None,
) -> jax.Array:
    """Each of ``transforms`` on each image with probability p, in the paper's order.

    ``augment.BLIT + GEOMETRY + COLOR`` by default; ``FILTER`` and ``CORRUPTION`` are the rest of
    the pipeline. Nothing is clipped. For p = 0 it is the identity up to rounding; a flip or a
    turn goes through the same filters, as in the authors' code, and loses a little of the highest
    frequencies. Put it before D wherever D looks, in D's step and in G's; a gradient goes through,
    to any order.

    Args:
      key: one key, or one a sample ``[B]``.
      images: ``[B, H, W, C]`` in [-1, 1]; one channel or three for a transformation of colour,
        two pixels or more each way for one of geometry or the filter.
      p: probability, a scalar that may be traced: ``AdaState.p``. Above 1 it is as 1.
      transforms: names of ``augment.TRANSFORMS``; or with each a factor on p.
      axis_name: the mapped axis over which the batch is split, so that shards draw apart.

    Raises:
      ValueError: if a name is unknown, the images do not fit, or p is negative.
    """
    check_images(images)
    if isinstance(p, int | float) and not p >= 0:
        raise ValueError(f"p is {p}, but must not be negative")
    factors = transforms if isinstance(transforms, Mapping) else dict.fromkeys(transforms, 1.0)
    names = frozenset(factors)
    if unknown := sorted(names - set(TRANSFORMS)):
        raise ValueError(f"transforms has {unknown}, but the choices are {', '.join(TRANSFORMS)}")
    if names & {*BLIT, *GEOMETRY, *FILTER} and min(images.shape[1:3]) < 2:
        raise ValueError(f"images has shape {images.shape}: too small to be mirrored")
    if names & {*COLOR} and images.shape[-1] not in (1, 3):
        raise ValueError(f"images has {images.shape[-1]} channels, but colour wants 1 or 3")

    def transform(key: jax.Array, image: jax.Array, p: jax.Array) -> jax.Array:
        draw_key, noise_key = jax.random.split(key)
        draws = draw(draw_key, p, factors)
        if names & {*BLIT, *GEOMETRY}:
            image = warp(image, inverse_map(draws, *image.shape[:2]))
        if names & {*COLOR}:
            image = recolor(image, *color_map(draws))
        if names & {*FILTER}:
            image = amplify_bands(image, draws.gains)
        if names & {*CORRUPTION}:
            image = image + draws.noise * jax.random.normal(noise_key, image.shape, jnp.float32)
            image = cut(image, draws.cutout, draws.cutout_centre)
        return image

    return per_sample(transform, key, images, p, axis_name=axis_name)


def inverse_map(draws: Draws, height: int, width: int) -> jax.Array:
    """``[2, 3]`` from output to input, x and y in pixels from the centre; what ``warp`` takes."""
    size = jnp.array([width, height], jnp.float32)
    # An output point goes back through the last transformation first, hence right to left.
    steps = (
        _scaling(1.0 - 2.0 * draws.flip, 1.0),
        _rotation(draws.quarter_turns * (jnp.pi / 2)),
        _shift(-jnp.round(draws.integer_shift * size)),
        _scaling(1.0 / draws.scale, 1.0 / draws.scale),
        _rotation(draws.rotation_before),
        _scaling(1.0 / draws.stretch, draws.stretch),
        _rotation(draws.rotation_after),
        _shift(-draws.fractional_shift * size),
    )
    matrix = jnp.eye(3, dtype=jnp.float32)
    for step in steps:
        matrix = jnp.matmul(matrix, step, precision="highest")
    return matrix[:2]


def color_map(draws: Draws) -> tuple[jax.Array, jax.Array]:
    """``(A [3, 3], b [3])`` such that a colour becomes ``A colour + b``."""
    eye = jnp.eye(3, dtype=jnp.float32)
    axis = jnp.full(3, 1 / np.sqrt(3), jnp.float32)
    luma = jnp.full((3, 3), 1 / 3, jnp.float32)  # the projection on the grey axis
    x, y, z = axis
    cross = jnp.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], jnp.float32)
    cos, sin = jnp.cos(draws.hue), jnp.sin(draws.hue)
    steps = (
        eye * draws.contrast,
        eye - 2.0 * luma * draws.luma_flip,
        luma + cos * (eye - luma) + sin * cross,  # Rodrigues: about the grey axis
        luma + (eye - luma) * draws.saturation,
    )
    A, b = eye, jnp.full(3, draws.brightness)
    for step in steps:
        A, b = jnp.matmul(step, A, precision="highest"), jnp.matmul(step, b, precision="highest")
    return A, b


def recolor(image: jax.Array, A: jax.Array, b: jax.Array) -> jax.Array:
    """``A colour + b`` for ``[H, W, 3]``; one channel stands for grey, and the result's mean."""
    if image.shape[-1] == 1:
        return image * jnp.sum(jnp.mean(A, axis=0)) + jnp.mean(b)
    return jnp.einsum("ij,hwj->hwi", A, image, precision="highest") + b[None, None]


def cut(image: jax.Array, side: jax.Array, centre: jax.Array) -> jax.Array:
    """Zero where both ``|x - centre_x|`` and ``|y - centre_y|`` are below ``side / 2``."""
    H, W, _ = image.shape
    columns, rows = (jnp.arange(n, dtype=jnp.float32) for n in (W, H))
    x = jnp.abs((columns + 0.5) / W - centre[0]) < side / 2
    y = jnp.abs((rows + 0.5) / H - centre[1]) < side / 2
    return jnp.where((y[:, None] & x[None, :])[..., None], 0.0, image)


def _scaling(x: ArrayLike, y: ArrayLike) -> jax.Array:
    return jnp.diag(jnp.stack([jnp.asarray(v, jnp.float32) for v in (x, y, 1.0)]))


def _rotation(angle: jax.Array) -> jax.Array:
    # The inverse of a rotation by -angle, in coordinates whose y points down.
    cos, sin, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros((), jnp.float32)
    return jnp.stack(
        [
            jnp.stack([cos, -sin, zero]),
            jnp.stack([sin, cos, zero]),
            jnp.array([0.0, 0.0, 1.0], jnp.float32),
        ]
    )


def _shift(by: jax.Array) -> jax.Array:
    return jnp.eye(3, dtype=jnp.float32).at[:2, 2].set(by)
