"""What ADA draws for one sample: whether each transformation happens, and how strongly."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

BLIT = ("flip", "quarter_turn", "integer_shift")
GEOMETRY = ("scale", "rotation", "stretch", "fractional_shift")
COLOR = ("brightness", "contrast", "luma_flip", "hue", "saturation")
FILTER = ("filter",)
CORRUPTION = ("noise", "cutout")
TRANSFORMS = BLIT + GEOMETRY + COLOR + FILTER + CORRUPTION


class Draws(NamedTuple):
    """The strengths for one sample; where a transformation does not happen, its identity."""

    flip: jax.Array  # 0 or 1
    quarter_turns: jax.Array  # 0 to 3
    integer_shift: jax.Array  # [2], x and y, of width and height; rounded to pixels when applied
    scale: jax.Array  # above 1 enlarges
    rotation_before: jax.Array  # radians, before the stretch
    stretch: jax.Array  # s along x and 1 / s along y
    rotation_after: jax.Array
    fractional_shift: jax.Array  # [2], x and y, of width and height
    brightness: jax.Array  # added
    contrast: jax.Array  # a factor
    luma_flip: jax.Array  # 0 or 1
    hue: jax.Array  # radians
    saturation: jax.Array  # a factor
    gains: jax.Array  # [4], of the frequency bands
    noise: jax.Array  # standard deviation
    cutout: jax.Array  # side, of width and height; 0 for none
    cutout_centre: jax.Array  # [2], x and y, of width and height


def draw(key: jax.Array, p: jax.Array, transforms: Mapping[str, float]) -> Draws:
    """The draws of one sample: each of ``transforms`` happens with its factor times ``p``.

    A transformation has the same draws whichever others are chosen. Strengths are those of Karras
    et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B.
    """
    # Three calls for all numbers: one for each number would take XLA many seconds to compile.
    gate_key, uniform_key, normal_key = jax.random.split(key, 3)
    gates = iter(jax.random.uniform(gate_key, (19,), jnp.float32))
    uniform = iter(jax.random.uniform(uniform_key, (12,), jnp.float32, minval=-1.0))
    normal = iter(jax.random.normal(normal_key, (12,), jnp.float32))

    def maybe(name: str, value: jax.Array, identity: float, chances: int = 1) -> jax.Array:
        probability = transforms.get(name, 0.0) * p
        if chances == 2:  # which together have the probability
            probability = 1.0 - jnp.sqrt(1.0 - jnp.clip(probability, 0.0, 1.0))
        happens = next(gates) < probability
        return jnp.where(happens, value, identity)

    def coin(sides: int) -> jax.Array:
        return jnp.floor((next(uniform) + 1) * (sides / 2))

    def exp2(std: float) -> jax.Array:
        return jnp.exp2(std * next(normal))

    def pair(numbers: Iterator[jax.Array]) -> jax.Array:
        return jnp.stack([next(numbers), next(numbers)])

    return Draws(
        flip=maybe("flip", coin(2), 0.0),
        quarter_turns=maybe("quarter_turn", coin(4), 0.0),
        integer_shift=maybe("integer_shift", 0.125 * pair(uniform), 0.0),
        scale=maybe("scale", exp2(0.2), 1.0),
        rotation_before=maybe("rotation", jnp.pi * next(uniform), 0.0, chances=2),
        stretch=maybe("stretch", exp2(0.2), 1.0),
        rotation_after=maybe("rotation", jnp.pi * next(uniform), 0.0, chances=2),
        fractional_shift=maybe("fractional_shift", 0.125 * pair(normal), 0.0),
        brightness=maybe("brightness", 0.2 * next(normal), 0.0),
        contrast=maybe("contrast", exp2(0.5), 1.0),
        luma_flip=maybe("luma_flip", coin(2), 0.0),
        hue=maybe("hue", jnp.pi * next(uniform), 0.0),
        saturation=maybe("saturation", exp2(1.0), 1.0),
        gains=_equalize([maybe("filter", exp2(1.0), 1.0) for _ in range(4)]),
        noise=maybe("noise", jnp.abs(0.1 * next(normal)), 0.0),
        cutout=maybe("cutout", jnp.full((), 0.5, jnp.float32), 0.0),
        cutout_centre=(pair(uniform) + 1) / 2,
    )


def _equalize(gains: list[jax.Array]) -> jax.Array:
    # Each band's gain is normalized by itself: an image of natural power keeps its power.
    power = jnp.array([10.0, 1.0, 1.0, 1.0], jnp.float32) / 13.0
    total = jnp.ones(4, jnp.float32)
    for band, gain in enumerate(gains):
        one = jnp.ones(4, jnp.float32).at[band].set(gain)
        total = total * one * jax.lax.rsqrt(jnp.sum(power * jnp.square(one)))
    return total
