"""DiffAugment as GAT has it, for images in an autoencoder's latent space: the same for all levels.

Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935), as in the authors' code:
colour for half of the images, translation, cutout, and a mirror image for some. What is drawn for
an image is kept apart from what is done by it, so that other images of the same sample can be
moved alike.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.augment import diff
from jaxgan.augment.images import check_images
from jaxgan.base.draws import sample_keys

COLOURED, MIRRORED = 0.5, 0.4
SHIFT, HOLE = 0.125, 0.5


class Moves(NamedTuple):
    """What is done to each of B images.

    Attributes:
      coloured: bool [B], whether the next five are.
      brightness: [B] in [-1/2, 1/2], added.
      saturation: [B] in [0, 2], times the distance from ``grey``.
      contrast: [B] in [1/2, 3/2], times the distance from ``mean``.
      grey: [B, H, W, 1], the mean of an image's channels.
      mean: [B, 1, 1, 1], of all of an image.
      shift: int32 [B, 2], pixels down and to the right.
      centre: int32 [B, 2], of the square that becomes 0.
      mirrored: bool [B].
    """

    coloured: jax.Array
    brightness: jax.Array
    saturation: jax.Array
    contrast: jax.Array
    grey: jax.Array
    mean: jax.Array
    shift: jax.Array
    centre: jax.Array
    mirrored: jax.Array


def draw_moves(key: jax.Array, images: jax.Array, *, axis_name: str | None = None) -> Moves:
    """Draws for images [B, H, W, C], whose means are a part of them, before anything is done.

    Args:
      key: one key, or one a sample ``[B]``.
      images: of the last level, where there are several.
      axis_name: the mapped axis over which the batch is split.
    """
    check_images(images)
    images = images.astype(jnp.float32)
    shape = images.shape[1:]

    def one(key: jax.Array) -> tuple[jax.Array, ...]:
        of_colour, of_shift, of_hole, of_choice = jax.random.split(key, 4)
        return (
            jax.random.uniform(of_colour, (3,), jnp.float32),
            diff.draw_shift(of_shift, shape, SHIFT),
            diff.draw_centre(of_hole, shape, HOLE),
            jax.random.uniform(of_choice, (2,), jnp.float32),
        )

    colour, shift, centre, chance = jax.vmap(one)(sample_keys(key, len(images), axis_name))
    return Moves(
        chance[:, 0] < COLOURED,
        colour[:, 0] - 0.5,
        2 * colour[:, 1],
        colour[:, 2] + 0.5,
        images.mean(axis=-1, keepdims=True),
        images.mean(axis=(1, 2, 3), keepdims=True),
        shift,
        centre,
        chance[:, 1] < MIRRORED,
    )


def move(moves: Moves, images: jax.Array) -> jax.Array:
    """Images [B, H, W, C] after their moves, in their own dtype."""
    check_images(images)

    def one(m: Moves, image: jax.Array) -> jax.Array:
        x = image + m.brightness
        x = (x - m.grey) * m.saturation + m.grey
        x = (x - m.mean) * m.contrast + m.mean
        x = jnp.where(m.coloured, x, image)
        x = diff.shifted(x, m.shift, diff.part(image.shape, SHIFT))
        x = diff.pierced(x, m.centre, HOLE)
        return jnp.where(m.mirrored, x[:, ::-1], x)

    return jax.vmap(one)(moves, images.astype(jnp.float32)).astype(images.dtype)


def follow(moves: Moves, images: jax.Array, *, moved: bool = True) -> jax.Array:
    """Larger images [B, H, W, C] moved as latents of them were: shifted and mirrored, no more.

    Args:
      moves: of the latents [B, h, w, c], whose sides divide those of the images.
      images: of which these are latents.
      moved: ``False`` shifts them as the authors' code does, by ``t h / H`` pixels, rounded down,
        for a latent's t: by 0 or -1 in the place of ``t H / h``.

    Raises:
      ValueError: if the sides do not divide.
    """
    check_images(images)
    (h, w), (H, W) = moves.grey.shape[1:3], images.shape[1:3]
    if H % h or W % w:
        raise ValueError(f"images of {H} x {W} are no multiple of latents of {h} x {w}")

    times, small, large = (jnp.array(x, jnp.int32) for x in ((H // h, W // w), (h, w), (H, W)))
    down, right = diff.part((h, w), SHIFT)

    def one(m: Moves, image: jax.Array) -> jax.Array:
        shift = m.shift * times if moved else m.shift * small // large
        x = diff.shifted(image, shift, (down * (H // h), right * (W // w)))
        return jnp.where(m.mirrored, x[:, ::-1], x)

    return jax.vmap(one)(moves, images)


def latent_augment(key: jax.Array, images: jax.Array, *, axis_name: str | None = None) -> jax.Array:
    """Images [B, H, W, C], each after moves of its own; see ``draw_moves``."""
    return move(draw_moves(key, images, axis_name=axis_name), images)
