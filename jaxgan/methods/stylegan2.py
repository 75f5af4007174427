"""StyleGAN2: styles, mixed; path length and R1, both lazy and each an optimizer's step of its own.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv:1912.04958),
section 3.1 for the lazy terms and 3.2, equation 4, for the path length, as in the authors' code of
"Training Generative Adversarial Networks with Limited Data" (arXiv:2006.06676). Deviations: the
discriminator moves first; each sample has a place of its own where its styles change.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import adversarial, regularizers
from jaxgan.adversarial import game as rules
from jaxgan.adversarial import sight
from jaxgan.adversarial.game import Game
from jaxgan.adversarial.purposes import OfStep
from jaxgan.adversarial.step import step
from jaxgan.base import draws
from jaxgan.base.method import Method, Styled
from jaxgan.base.state import Batch, Metrics, State, weights
from jaxgan.learning import updates

PyTree = Any
NOISE, OTHER, CROSSOVER, LENGTH = "noise", "other", "crossover", "path_length"


@dataclasses.dataclass(frozen=True)
class StyleGAN2:
    """A generator whose layers are styled by a mapped latent.

    Attributes:
      common: see ``adversarial.Common``; the generator has methods ``map`` and ``synthesize``.
      conditional: whether both players are told the labels.
      num_classes: filled in from the dataset; ``None`` where it has no labels.
      style_mixing: how often a generated sample has two latents.
      r1: gamma of ``gamma / 2 mean |grad D(x)|^2``.
      r1_interval: steps from one such update of D to the next.
      path_length: weight of ``mean (|J^T y| - a)^2``.
      path_interval: steps from one such update of G to the next.
      path_decay: how far a moves to the lengths of a batch.
      path_shrink: the batch of that update is so many times smaller.
      ema_images: the half-life of the generator's average, in images.
      ema_ramp: the most of the images seen that this may be; 0 for no such bound.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat(latent_dim=512))
    conditional: bool = False
    num_classes: int | None = None
    style_mixing: float = 0.9
    r1: float = 10.0
    r1_interval: int = 16
    path_length: float = 2.0
    path_interval: int = 4
    path_decay: float = 0.01
    path_shrink: int = 2
    ema_images: float = 10_000.0
    ema_ramp: float = 0.05

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if min(self.r1_interval, self.path_interval, self.path_shrink) < 1:
            raise ValueError("r1_interval, path_interval and path_shrink must be at least 1")
        if not 0 <= self.style_mixing <= 1 or not 0 <= self.path_decay <= 1:
            raise ValueError("style_mixing and path_decay must be in [0, 1]")
        for name in ("r1", "path_length", "ema_images", "ema_ramp"):
            if not getattr(self, name) >= 0:  # not `< 0`, which is false for nan
                raise ValueError(f"{name} must be at least 0")
        adversarial.count_classes(self.conditional, self.num_classes)
        if self.common.techniques.r1:
            raise ValueError("techniques.r1 is the method's own r1: set config.method.r1")

    @property
    def classes(self) -> int:
        """How many the players are told of."""
        return adversarial.count_classes(self.conditional, self.num_classes)

    @cached_property
    def players(self) -> adversarial.Common:
        """The common fields, with the optimizers of players that move once more an interval."""
        c = self.common
        return replace(
            c,
            g_optimizer=lazy(c.g_optimizer, self.path_interval if self.path_length else 0),
            d_optimizer=lazy(c.d_optimizer, self.r1_interval if self.r1 else 0),
        )

    @cached_property
    def game(self) -> Game:
        """How they play: a generated sample's noise, and its second latent, are its conditions."""
        c = self.players
        given: dict[str, Any] = {"num_classes": self.classes} if self.classes else {}
        labelled = adversarial.by_label(self.classes) if self.classes else {}
        of_real = labelled.get("of_real", lambda batch, keys: {})
        given_labels = labelled.get("given", lambda drawn, asked, n: {})
        raw = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0)))
        example = {
            **labelled.get("example", {}),
            NOISE: jnp.zeros(raw.shape, raw.dtype),
            OTHER: jnp.zeros((c.latent_dim,), jnp.float32),
            CROSSOVER: jnp.zeros((), jnp.int32),
        }
        return Game(
            c,
            adversarial.generator(c, **given),
            adversarial.discriminator(c, **given),
            **{
                **labelled,
                "example": example,
                "of_real": of_real,
                "of_fake": lambda batch, keys: {**of_real(batch, keys), **self.drawn(keys)},
                "drawn": lambda keys: {NOISE: jax.random.key_data(variant_keys(keys)["noise"])},
                "given": lambda drawn, asked, n: {**drawn, **given_labels({}, asked, n)},
            },
            g_inputs=inputs,
            d_inputs=adversarial.told,
            judged_by=self.classes,
            decay=partial(updates.half_life, self.ema_images, self.ema_ramp),
        )

    def drawn(self, keys: jax.Array) -> dict[str, jax.Array]:
        """What a sample in training is drawn beside its latent: noise, a second latent, a place."""
        of, L = variant_keys(keys), self.game.g.module.layers
        first = jax.vmap(lambda k: jax.random.randint(k, (), 1, L, jnp.int32))(of["place"])
        chance = jax.vmap(lambda k: jax.random.uniform(k, (), jnp.float32))(of["mix"])
        mix = chance < self.style_mixing
        return {
            NOISE: jax.random.key_data(of["noise"]),
            OTHER: self.game.latents(self.game, of["other"]),
            CROSSOVER: jnp.where(mix, first, L),
        }

    def build(self) -> Method:
        """The method."""
        made = adversarial.method(self.game)
        init = partial(self.init, made)
        return replace(made, init=init, step=self.step, styled=self.styled())

    def styled(self) -> Styled:
        """The generator in two parts; labels that are not given are none."""
        g, name = self.game.g, self.game.names[0]

        def style(
            state: State, latents: PyTree, *, averaged: bool = True, labels: Any = None
        ) -> jax.Array:
            params, stats = weights(state.nets[name], averaged)
            return g.call("map", params, stats, latents["z"], labels, train=False)

        def noise(state: State, *, averaged: bool = True) -> PyTree:
            return weights(state.nets[name], averaged)[1][NOISE]

        def synthesize(
            state: State, styles: jax.Array, maps: PyTree, *, averaged: bool = True
        ) -> jax.Array:
            params, stats = weights(state.nets[name], averaged)
            return g.call("synthesize", params, {**stats, NOISE: maps}, styles)

        return Styled(g.module.layers, style, noise, synthesize)

    def init(self, made: Method, key: jax.Array, batch: Batch) -> State:
        """Fresh networks, and the mean of path lengths."""
        state = made.init(key, batch)
        extras = {**state.extras, LENGTH: regularizers.path_length_init()}
        return replace(state, extras=extras)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """The updates for the lazy terms, where they are due, then those of the game."""
        axis_name = self.common.axis_name
        keys, now = draws.sample_keys(key, len(batch["image"]), axis_name), state.step
        metrics: Metrics = {}
        more_keys = variant_keys(keys)
        for name, weight, interval, update in (
            ("g/path_length", self.path_length, self.path_interval, self.lengthen),
            ("d/r1", self.r1, self.r1_interval, self.flatten),
        ):
            if not weight:
                continue
            due, rest = partial(update, batch, more_keys[name]), lambda s: (s, jnp.float32(0))
            state, value = jax.lax.cond(now % interval == 0, due, rest, state)
            # So many times as much, and 0 at other steps: the mean over steps is the term.
            metrics[name] = interval * value
        state, more = step(self.game, state, batch, keys)
        return state, {**metrics, **more}

    def flatten(self, batch: Batch, keys: jax.Array, state: State) -> tuple[State, jax.Array]:
        """D after an update for R1 alone, and ``mean |grad D(x)|^2``."""
        (_, name), game = self.game.names, self.game
        net, x = state.nets[name], every(self.common.n_critic, batch["image"])
        conditions = every(self.common.n_critic, game.of_real(batch, keys))
        view = sight.views(game, state, every(self.common.n_critic, keys), x, x).real

        def loss(params: PyTree) -> tuple[jax.Array, jax.Array]:
            critic = lambda x: rules.judge(game, params, net.stats, x, conditions)[0].logits  # noqa: E731
            value = regularizers.r1(*sight.penalized(game, view, critic, x))
            return self.r1_interval * self.r1 / 2 * value, value

        grads, value = jax.grad(loss, has_aux=True)(net.params)
        net, _ = game.d.update(net, grads, net.stats)
        return replace(state, nets={**state.nets, name: net}), self.mean(value)

    def lengthen(self, batch: Batch, keys: jax.Array, state: State) -> tuple[State, jax.Array]:
        """G after an update for the path length alone, and ``mean (|J^T y| - a)^2``."""
        game, name, axis_name = self.game, self.game.names[0], self.common.axis_name
        batch, keys = every(self.common.n_critic * self.path_shrink, (dict(batch), keys))
        net = state.nets[name]
        assert game.of_fake is not None
        conditions = game.of_fake(batch, keys)
        z, noise = game.latents(game, keys), jax.random.wrap_key_data(conditions[NOISE])

        def loss(params: PyTree) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            styles = game.g.call("styles", params, net.stats, *inputs(z, conditions))
            paint = lambda s: game.g.call("synthesize", params, net.stats, s, noise)  # noqa: E731
            value, mean = regularizers.path_length(
                paint,
                styles,
                draws.fold(keys, OfStep.VARIANT),
                state.extras[LENGTH],
                decay=self.path_decay,
                axis_name=axis_name,
            )
            return self.path_interval * self.path_length * value, (value, mean)

        grads, (value, mean) = jax.grad(loss, has_aux=True)(net.params)
        net, _ = game.g.update(net, grads, net.stats)
        extras = {**state.extras, LENGTH: mean}
        return replace(state, nets={**state.nets, name: net}, extras=extras), self.mean(value)

    def mean(self, value: jax.Array) -> jax.Array:
        """That of the devices' values: of one type with 0, where a term is not due."""
        axis_name = self.common.axis_name
        return value if axis_name is None else jax.lax.pmean(value, axis_name)


def every(k: int, rows: PyTree) -> PyTree:
    """Every k-th of the samples, so that devices together take what one would.

    Raises:
      ValueError: if k does not divide their number.
    """
    n = jax.tree.leaves(rows)[0].shape[0] if jax.tree.leaves(rows) else k
    if n % k:
        raise ValueError(f"{n} samples on each device do not divide by n_critic x path_shrink {k}")
    return jax.tree.map(lambda x: x[::k], rows)


def lazy(optimizer: Mapping[str, Any], interval: int) -> Mapping[str, Any]:
    """An optimizer that takes one more step every ``interval`` steps, and is to move as much.

    Its rate is times c and its betas to the power c, c = interval / (interval + 1) (section 3.1 of
    the paper, appendix B).
    """
    if not interval:
        return optimizer
    c = interval / (interval + 1)
    betas = {name: optimizer[name] ** c for name in ("b1", "b2") if name in optimizer}
    return {**optimizer, "learning_rate": optimizer["learning_rate"] * c, **betas}


def variant_keys(keys: jax.Array) -> dict[str, jax.Array]:
    """Keys [B] for each thing that is drawn beside latents."""
    names = ("noise", "other", "place", "mix", "g/path_length", "d/r1")
    split = jax.vmap(lambda key: jax.random.split(key, len(names)))
    return dict(zip(names, split(draws.fold(keys, OfStep.VARIANT)).T, strict=True))


def inputs(z: jax.Array, conditions: PyTree) -> tuple:
    """What the generator gets: constant noise where none is drawn, one latent if no second is."""
    noise = conditions.get(NOISE)
    return (
        z,
        conditions.get("labels"),
        "const" if noise is None else jax.random.wrap_key_data(noise),
        conditions.get(OTHER),
        conditions.get(CROSSOVER),
    )
