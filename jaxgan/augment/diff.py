"""DiffAugment: colour, translation and cutout, on real and generated images alike.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 3.3 and
the authors' code. Images are ``[B, H, W, C]``, meant in [-1, 1] though nothing clips them; every
sample has draws of its own; ``key`` is one key, or one a sample ``[B]``.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.augment.images import per_sample

POLICIES = ("color", "translation", "cutout")


def diff_augment(
    key: jax.Array,
    images: jax.Array,
    *,
    policy: str | Sequence[str] = POLICIES,
    axis_name: str | None = None,
) -> jax.Array:
    """The augmentations of ``policy``, in its order, as ``"color,cutout"`` or a sequence.

    A name has the same draws whatever stands beside it. Call it on whatever D sees, in D's step
    and in G's, with fresh keys.

    Raises:
      ValueError: if a name is unknown, or images are not of four axes.
    """
    names = policy.split(",") if isinstance(policy, str) and policy else policy
    unknown = [name for name in names if name not in POLICIES]
    if unknown:
        raise ValueError(f"policy has {unknown}, but the choices are {', '.join(POLICIES)}")

    def transform(key: jax.Array, image: jax.Array) -> jax.Array:
        for name in names:
            image = _TRANSFORMS[name](jax.random.fold_in(key, POLICIES.index(name)), image)
        return image

    return per_sample(transform, key, images, axis_name=axis_name)


def color(key: jax.Array, images: jax.Array, *, axis_name: str | None = None) -> jax.Array:
    """Brightness ``x + U[-1/2, 1/2]``, saturation in U[0, 2], contrast in U[1/2, 3/2].

    Saturation scales the distance of a pixel from the mean of its channels, contrast that of the
    image from its mean.
    """
    return per_sample(_color, key, images, axis_name=axis_name)


def translation(
    key: jax.Array, images: jax.Array, *, ratio: float = 0.125, axis_name: str | None = None
) -> jax.Array:
    """A shift by whole pixels, up to ``ratio`` of height and width either way, filled with zeros.

    Raises:
      ValueError: if ``ratio`` is outside [0, 1].
    """
    _check_ratio(ratio)
    return per_sample(lambda k, x: _translation(k, x, ratio), key, images, axis_name=axis_name)


def cutout(
    key: jax.Array, images: jax.Array, *, ratio: float = 0.5, axis_name: str | None = None
) -> jax.Array:
    """A rectangle of ``ratio`` of height and width set to zero, its centre anywhere in the image.

    Raises:
      ValueError: if ``ratio`` is outside [0, 1].
    """
    _check_ratio(ratio)
    return per_sample(lambda k, x: _cutout(k, x, ratio), key, images, axis_name=axis_name)


def _color(key: jax.Array, image: jax.Array) -> jax.Array:
    brightness, saturation, contrast = jax.random.uniform(key, (3,), jnp.float32)
    image = image + (brightness - 0.5)
    grey = jnp.mean(image, axis=-1, keepdims=True)
    image = grey + (image - grey) * (2.0 * saturation)
    mean = jnp.mean(image)
    return mean + (image - mean) * (contrast + 0.5)


def _translation(key: jax.Array, image: jax.Array, ratio: float = 0.125) -> jax.Array:
    return shifted(image, draw_shift(key, image.shape, ratio), part(image.shape, ratio))


def draw_shift(key: jax.Array, shape: tuple[int, ...], ratio: float) -> jax.Array:
    """Pixels int32 [2] down and to the right, of an image [H, W, C]."""
    most = jnp.array(part(shape, ratio), jnp.int32)
    return jax.random.randint(key, (2,), -most, most + 1, jnp.int32)


def shifted(image: jax.Array, shift: jax.Array, most: tuple[int, int]) -> jax.Array:
    """An image [H, W, C] moved by pixels [2], ``most`` or fewer, filled with zeros."""
    y, x = most
    padded = jnp.pad(image, ((y, y), (x, x), (0, 0)))
    return lax.dynamic_slice(padded, (y - shift[0], x - shift[1], jnp.int32(0)), image.shape)


def _cutout(key: jax.Array, image: jax.Array, ratio: float = 0.5) -> jax.Array:
    return pierced(image, draw_centre(key, image.shape, ratio), ratio)


def draw_centre(key: jax.Array, shape: tuple[int, ...], ratio: float) -> jax.Array:
    """Where a rectangle of ``ratio`` of the sides of an image [H, W, C] is centred, int32 [2]."""
    (H, W), size = shape[:2], part(shape, ratio)
    # An even rectangle is centred between pixels, and so has one more place to be.
    places = jnp.array([H + 1 - size[0] % 2, W + 1 - size[1] % 2], jnp.int32)
    return jax.random.randint(key, (2,), 0, places, jnp.int32)


def pierced(image: jax.Array, centre: jax.Array, ratio: float) -> jax.Array:
    """An image [H, W, C] whose rectangle around ``centre`` is zero."""
    inside, size = [], part(image.shape, ratio)
    for axis, length in enumerate(image.shape[:2]):
        first = centre[axis] - size[axis] // 2
        at = jnp.arange(length, dtype=jnp.int32)
        inside.append((at >= first) & (at < first + size[axis]))
    return jnp.where((inside[0][:, None] & inside[1][None, :])[..., None], 0.0, image)


def part(shape: tuple[int, ...], ratio: float) -> tuple[int, int]:
    """Pixels of a share of both sides."""
    return int(shape[0] * ratio + 0.5), int(shape[1] * ratio + 0.5)


def _check_ratio(ratio: float) -> None:
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio is {ratio}, but must be in [0, 1]")


_TRANSFORMS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
