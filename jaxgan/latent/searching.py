"""The search for latents: its settings, its loss, and the compiled steps of all images at once.

The schedules, the noise on what is looked for and the noise maps are those of the projector of
Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv:1912.04958),
appendix D.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.base import draws, errors
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.latent import noise_maps

PyTree = Any
Losses = dict[str, jax.Array]
SPACES = ("auto", "z", "w")
# Samples whose spread is measured, at least.
FEWEST = 100
ADAM = optax.scale_by_adam()


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a latent is looked for.

    Attributes:
      steps: of the optimizer, Adam; a multiple of ``pictures``.
      restarts: searches for each image, of which the best is taken.
      candidates: random samples, the nearest of which the searches begin at. The spread of their
        latents is what a likely latent is measured by.
      space: ``'z'``; ``'w'``, of styles, with noise maps; or ``'auto'``: styles where there are
        any.
      learning_rate: at its highest.
      ramp_up: the share of the steps in which it grows to that.
      ramp_down: the share in which it falls to 0.
      noise: on the latent at first, in its deviations as a whole.
      noise_ramp: the share of the steps in which that falls to 0.
      pixels: weight of the mean square of pixels in [-1, 1].
      prior: weight of the unlikeliness of the latent, see ``unlikely``.
      noise_maps: weight of what neighbours in noise maps have in common.
      features: in which images are compared beside their pixels.
      pictures: of the way, after the first.
      rows: searches at once.
    """

    steps: int = 400
    restarts: int = 8
    candidates: int = 1000
    space: str = "auto"
    learning_rate: float = 0.1
    ramp_up: float = 0.05
    ramp_down: float = 0.25
    noise: float = 0.05
    noise_ramp: float = 0.75
    pixels: float = 1.0
    prior: float = 1e-3
    noise_maps: float = 1e5
    features: Perceptual = dataclasses.field(default_factory=Perceptual)
    pictures: int = 5
    rows: int = 256

    def __post_init__(self) -> None:
        """Refuses values that no search can have.

        Raises:
          UserError: naming the field.
        """
        if self.space not in SPACES:
            raise errors.unknown("space", str(self.space), SPACES)
        for name in ("steps", "restarts", "pictures", "rows"):
            if getattr(self, name) < 1:
                raise errors.UserError(f"{name} must be at least 1")
        if self.candidates < max(FEWEST, self.restarts):
            least = max(FEWEST, self.restarts)
            raise errors.UserError(f"candidates must be at least {least}, not {self.candidates}")
        if self.steps % self.pictures:
            raise errors.UserError(
                f"steps must be a multiple of pictures, and {self.steps} is none of {self.pictures}"
            )
        # Not `< 0`, which is false for nan.
        for name in ("learning_rate", "noise", "pixels", "prior", "noise_maps"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise errors.UserError(f"{name} must be at least 0")
        for name in ("ramp_up", "ramp_down", "noise_ramp"):
            if not 0 <= getattr(self, name) <= 1:
                raise errors.UserError(f"{name} must be in [0, 1]")
        if not (self.pixels or self.features):
            raise errors.UserError("pixels is 0 and there are no features: nothing is compared")

    def rate(self, step: jax.Array) -> jax.Array:
        """The learning rate at a step: a line up, and half a cosine down."""
        t = step / self.steps
        down = jnp.clip((1 - t) / max(self.ramp_down, 1e-9), 0, 1)
        up = jnp.clip(t / max(self.ramp_up, 1e-9), 0, 1)
        return self.learning_rate * up * (0.5 - 0.5 * jnp.cos(jnp.pi * down))

    def shake(self, step: jax.Array) -> jax.Array:
        """The noise on what is looked for at a step, in its deviations as a whole."""
        t = step / self.steps
        return self.noise * jnp.square(jnp.clip(1 - t / max(self.noise_ramp, 1e-9), 0, 1))


@dataclasses.dataclass(frozen=True)
class Spread:
    """How an array of latents is spread, over many of them [n, ...].

    Attributes:
      mean: of each coordinate.
      deviation: likewise.
      least: of all coordinates of all.
      most: likewise.
      distance: the mean of each one's squared distance from the mean, in deviations.
      apart: the deviation of that.
    """

    mean: np.ndarray
    deviation: np.ndarray
    least: float
    most: float
    distance: float
    apart: float


def spread(values: np.ndarray) -> Spread:
    """That of latents [n, ...]."""
    x = np.asarray(values, np.float64)
    mean, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    distances = np.square((x - mean) / deviation).reshape(len(x), -1).sum(axis=1)
    apart = max(float(distances.std()), 1e-3)
    low, high = float(x.min()), float(x.max())
    of_each = mean.astype(np.float32), deviation.astype(np.float32)
    return Spread(*of_each, low, high, float(distances.mean()), apart)


def unlikely(values: jax.Array, known: Spread) -> jax.Array:
    """``(d - mean d)^2 / (2 var d)`` [B], of the squared distance d of latents from their mean.

    For N(0, I), d is the squared norm, which has the mean Z and the variance 2 Z: latents of that
    norm are likely, and those near 0 are as unlikely as those far out.
    """
    x = (values - known.mean) / known.deviation
    distance = jnp.sum(jnp.square(x).reshape(len(x), -1), axis=1)
    return jnp.square((distance - known.distance) / known.apart) / 2


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """What is looked for, and what it is judged by.

    Attributes:
      settings: of it.
      spreads: of each array of latents that moves, by its name.
      paint: ``(weights, latents, maps, rest) -> images`` [B, H, W, C]: latents by name, noise maps
        (a tree, perhaps empty), and what does not move.
      look: from images to features, given their variables; ``None``: there are none.
      bounded: whether latents stay within the values that are drawn (Lipton and Tripathi 2017,
        arXiv:1702.04782, "stochastic clipping", but set to the bound and not drawn anew).
      cut: has rows computed in parts, one on each device.
    """

    settings: Settings
    spreads: dict[str, Spread]
    paint: Callable[..., jax.Array]
    look: Callable[[PyTree, jax.Array], PyTree] | None
    bounded: bool
    cut: Callable[[jax.Array], jax.Array]

    def losses(self, found: PyTree, given: PyTree) -> tuple[Losses, jax.Array]:
        """The terms [B], weighted, and the images."""
        s, target = self.settings, given["target"]
        images = self.paint(given["weights"], found["latents"], found["maps"], given["rest"])
        terms = {"pixels": s.pixels * _mean(jnp.square(images - target))}
        if self.look is not None:
            made, wanted = (self.look(given["features"], x) for x in (images, target))
            apart = jax.tree.map(lambda a, b: _mean(jnp.square(a - b)), made, wanted)
            layers = jnp.stack(jax.tree.leaves(apart))
            terms["features"] = s.features.weight * jnp.sum(layers, axis=0)
        each = [unlikely(found["latents"][name], known) for name, known in self.spreads.items()]
        terms["prior"] = s.prior * jnp.sum(jnp.stack(each), axis=0)
        return terms, images

    def objective(self, found: PyTree, given: PyTree) -> jax.Array:
        """The sum over all searches: none has a part in another's gradient."""
        terms, _ = self.losses(found, given)
        total = jnp.sum(jnp.stack(list(terms.values())))
        if jax.tree.leaves(found["maps"]):
            total += self.settings.noise_maps * jnp.sum(noise_maps.dependence(found["maps"]))
        return total

    def shaken(self, found: PyTree, keys: jax.Array, step: jax.Array) -> PyTree:
        """What is looked for, under the noise of a step."""
        latents, now = {}, jax.vmap(jax.random.fold_in, (0, None))(keys, step)
        for i, (name, known) in enumerate(self.spreads.items()):
            x = found["latents"][name]
            whole = np.sqrt(np.square(known.deviation).sum(dtype=np.float64))
            noise = draws.normal(draws.fold(now, i), x.shape[1:])
            latents[name] = x + self.settings.shake(step) * np.float32(whole) * noise
        return {**found, "latents": latents}

    def settled(self, found: PyTree) -> PyTree:
        """What is looked for, back among what there may be."""
        latents = found["latents"]
        if self.bounded:
            latents = {
                name: jnp.clip(x, self.spreads[name].least, self.spreads[name].most)
                for name, x in latents.items()
            }
        return {"latents": latents, "maps": noise_maps.standardized(found["maps"])}

    def begin(self, found: PyTree, given: PyTree) -> tuple[PyTree, PyTree]:
        """What the steps carry, and the picture before the first."""
        found = self.settled(jax.tree.map(self.cut, found))
        return (found, ADAM.init(found)), self.shot(found, given)

    def go(self, carry: PyTree, given: PyTree, steps: jax.Array) -> tuple[PyTree, PyTree]:
        """Some steps, by their numbers, and the picture after them."""

        def step(carry: PyTree, now: jax.Array) -> tuple[PyTree, None]:
            found, state = carry
            shaken = self.shaken(found, given["keys"], now)
            grads = jax.grad(self.objective)(shaken, given)
            changes, state = ADAM.update(grads, state)
            rate = self.settings.rate(now)
            moved = jax.tree.map(lambda x, u: x - rate * u, found, changes)
            return (self.settled(moved), state), None

        carry, _ = jax.lax.scan(step, carry, steps)
        return carry, self.shot(carry[0], given)

    def shot(self, found: PyTree, given: PyTree) -> PyTree:
        """The picture of each search as bytes, and its losses [B] by name."""
        terms, images = self.losses(found, given)
        pixels = jnp.round((jnp.clip(images, -1, 1) + 1) * 127.5).astype(jnp.uint8)
        return {"image": pixels, "loss": sum(terms.values()), "terms": terms}

    def run(self, found: PyTree, given: PyTree, tell: Callable[[int], None]) -> tuple[PyTree, list]:
        """The end of all searches, and the pictures of the way, the first of which is the start."""
        carry, first = self._begin(found, given)
        pictures, s = [first], self.settings
        for steps in np.arange(s.steps, dtype=np.int32).reshape(s.pictures, -1):
            carry, picture = self._go(carry, given, steps)
            pictures.append(picture)
            tell(len(steps))
        return jax.device_get((carry[0], pictures))

    @cached_property
    def _begin(self) -> Callable[..., Any]:
        return jax.jit(self.begin)

    @cached_property
    def _go(self) -> Callable[..., Any]:
        return jax.jit(self.go, donate_argnums=0)


def _mean(values: jax.Array) -> jax.Array:
    """Over all of a row: [B]."""
    return values.reshape(len(values), -1).mean(axis=1)
