"""What ADA draws for one sample: whether each transformation happens, and how strongly."""

from collections.abc import Callable, Collection
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


def draw(key: jax.Array, p: jax.Array, transforms: Collection[str]) -> Draws:
    """The draws of one sample: each of ``transforms`` happens with probability ``p``.

    A transformation has the same draws whichever others are chosen. Strengths are those of Karras
    et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B.
    """
    normal, uniform = jax.random.normal, jax.random.uniform

    def maybe(
        name: str,
        value: Callable[[jax.Array], jax.Array],
        identity: jax.Array | float,
        stream: int = 0,
        p: jax.Array = p,
    ) -> jax.Array:
        gate_key, value_key = jax.random.split(
            jax.random.fold_in(jax.random.fold_in(key, TRANSFORMS.index(name)), stream)
        )
        happens = (uniform(gate_key) < p) if name in transforms else False
        return jnp.where(happens, value(value_key), identity)

    def coin(sides: int) -> Callable[[jax.Array], jax.Array]:
        return lambda k: jnp.floor(sides * uniform(k))

    def exp2(std: float) -> Callable[[jax.Array], jax.Array]:
        return lambda k: jnp.exp2(std * normal(k))

    def angle(k: jax.Array) -> jax.Array:
        return uniform(k, minval=-jnp.pi, maxval=jnp.pi)

    # Two chances to rotate, which together have the probability p.
    p_rotation = 1.0 - jnp.sqrt(1.0 - jnp.clip(p, 0.0, 1.0))
    gains = [maybe("filter", exp2(1.0), 1.0, stream=i) for i in range(4)]
    return Draws(
        flip=maybe("flip", coin(2), 0.0),
        quarter_turns=maybe("quarter_turn", coin(4), 0.0),
        integer_shift=maybe(
            "integer_shift", lambda k: uniform(k, (2,), minval=-0.125, maxval=0.125), 0.0
        ),
        scale=maybe("scale", exp2(0.2), 1.0),
        rotation_before=maybe("rotation", angle, 0.0, 0, p_rotation),
        stretch=maybe("stretch", exp2(0.2), 1.0),
        rotation_after=maybe("rotation", angle, 0.0, 1, p_rotation),
        fractional_shift=maybe("fractional_shift", lambda k: 0.125 * normal(k, (2,)), 0.0),
        brightness=maybe("brightness", lambda k: 0.2 * normal(k), 0.0),
        contrast=maybe("contrast", exp2(0.5), 1.0),
        luma_flip=maybe("luma_flip", coin(2), 0.0),
        hue=maybe("hue", angle, 0.0),
        saturation=maybe("saturation", exp2(1.0), 1.0),
        gains=_equalize(gains),
        noise=maybe("noise", lambda k: jnp.abs(0.1 * normal(k)), 0.0),
        cutout=maybe("cutout", lambda k: jnp.full((), 0.5), 0.0),
        cutout_centre=uniform(jax.random.fold_in(key, len(TRANSFORMS)), (2,)),
    )


def _equalize(gains: list[jax.Array]) -> jax.Array:
    # Each band's gain is normalized by itself: an image of natural power keeps its power.
    power = jnp.array([10.0, 1.0, 1.0, 1.0]) / 13.0
    total = jnp.ones(4)
    for band, gain in enumerate(gains):
        one = jnp.ones(4).at[band].set(gain)
        total = total * one * jax.lax.rsqrt(jnp.sum(power * jnp.square(one)))
    return total
