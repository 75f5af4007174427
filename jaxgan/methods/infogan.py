"""The GAN that learns codes: G is given some, and paid for how well they are read off its samples.

Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (arXiv:1606.03657), equation 6: ``min_{G,Q} max_D V(D, G) -
lambda L_I(G, Q)``, where ``L_I = E log Q(c | x) + H(c)``, equation 5, is a lower bound on the
mutual information of the codes c and the samples x = G(z, c). Q is heads on D.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import blocks, draws, game, losses, networks, objectives, play, techniques
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, State, weights

PyTree = Any
Codes = dict[str, jax.Array]
CATEGORICAL, CONTINUOUS = "categorical", "continuous"

# What a sample's key is folded with for its codes; play folds the same keys with small numbers.
DRAW_CODES = 100
# Added to Q's variance. Nothing else bounds the density of a code that is read off exactly: with a
# deviation of 0.01 Q loses tens of nats at a step of G. At 0.1 a code is worth 2.1 nats at most.
LEAST_VARIANCE = 1e-2


def given(name: str, value: Any, drawn: jax.Array | None) -> jax.Array:
    """Codes that a caller names, in the shape and type of those that would be drawn.

    Raises:
      ValueError: if they do not fit, or ``drawn`` is ``None``: there are no such codes.
    """
    if drawn is None:
        raise ValueError(f"{name} codes were given, and {name}_codes is 0")
    value = jnp.asarray(value)
    if jnp.issubdtype(drawn.dtype, jnp.integer) and not jnp.issubdtype(value.dtype, jnp.integer):
        raise ValueError(f"{name} codes must be integers, not {value.dtype}")
    flat = drawn.shape[1] == 1 and value.shape == drawn.shape[:1]
    if value.ndim and not flat and value.shape != drawn.shape:
        raise ValueError(f"{name} codes are {list(value.shape)}, but {list(drawn.shape)} are due")
    value = value[:, None] if flat else value
    return jnp.broadcast_to(value, drawn.shape).astype(drawn.dtype)


@dataclasses.dataclass(frozen=True)
class InfoGAN:
    """A generator that is given codes beside the noise, and a discriminator that reads them.

    Differs from the paper's networks in that Q's heads are linear in D's features, without a hidden
    layer of their own, and from the authors' code in that Q learns the variance of a continuous
    code, as appendix C has it, and that z is normal.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise.
      g_optimizer: Optax name, learning rate and arguments.
      d_optimizer: likewise; of Q too.
      shape: of one sample, filled in from the dataset.
      categorical_codes: how many, each uniform over ``categories`` values.
      categories: values of each categorical code.
      continuous_codes: how many, each uniform on [-1, 1].
      categorical_weight: lambda of the categorical codes.
      continuous_weight: lambda of the continuous ones; smaller, for there is no upper limit to a
        density.
      loss: a name in ``jaxgan.losses``.
      latent_dim: length of z, the noise, drawn from N(0, I).
      n_critic: discriminator updates before each generator update, each on a minibatch of its own.
      ema_decay: of the generator's moving average; 0 keeps none.
      techniques: switches that stabilize, see ``techniques``.
      axis_name: the mapped axis over which the batch is split, set by ``parallel``.
    """

    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    g_optimizer: Mapping[str, Any]
    d_optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    categorical_codes: int = 1
    categories: int = 10
    continuous_codes: int = 2
    categorical_weight: float = 1.0
    continuous_weight: float = 0.1
    loss: str = "non_saturating"
    latent_dim: int = 62
    n_critic: int = 1
    ema_decay: float = 0.999
    techniques: Mapping[str, Any] = techniques.group()
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        game.check(self)
        networks.require("discriminator", self.discriminator, "heads")
        if min(self.categorical_codes, self.continuous_codes) < 0:
            raise ValueError("categorical_codes and continuous_codes must be at least 0")
        if not (self.categorical_codes or self.continuous_codes):
            raise ValueError("categorical_codes and continuous_codes are both 0: that is gan")
        if self.categories < 2:
            raise ValueError(f"categories must be at least 2, not {self.categories}")
        # Not `< 0`, which is false for nan.
        if not (self.categorical_weight >= 0 and self.continuous_weight >= 0):
            raise ValueError("categorical_weight and continuous_weight must be at least 0")

    @property
    def minibatches(self) -> int:
        """Minibatches of real samples that one step consumes."""
        return self.n_critic

    @property
    def choices(self) -> dict[str, int]:
        """The conditions of ``sample`` that are whole numbers, with how many they may be."""
        return {CATEGORICAL: self.categories}

    @cached_property
    def g(self) -> Player:
        """The generator."""
        return game.generator(self)

    @cached_property
    def d(self) -> Player:
        """The discriminator, with Q's heads: logits; and the means, then the log deviations.

        Of a pack Q reads the codes of each sample.
        """
        sizes = {
            CATEGORICAL: self.categorical_codes * self.categories,
            CONTINUOUS: self.continuous_codes * 2,
        }
        m = techniques.Techniques(**self.techniques).pack
        heads = tuple((name, m * size) for name, size in sizes.items() if size)
        return game.discriminator(self, heads=heads)

    @cached_property
    def rules(self) -> game.Game:
        """How they play."""
        return game.of(
            self,
            self.generate,
            self.judge,
            # Real samples have none: theirs are those of the generated ones beside them.
            conditions=lambda batch, keys: self.codes(keys),
            d_terms=self.d_terms,
            g_terms=self.g_terms,
        )

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks; ``batch`` is not looked into, the shape is a field."""
        g_key, d_key = jax.random.split(key)
        keys = draws.sample_keys(g_key, 2)
        codes = self.codes(keys)
        example = game.Samples(
            jnp.zeros(self.shape, jnp.float32), jax.tree.map(lambda c: c[0], codes)
        )
        nets = {
            "g": self.g.init(g_key, self.latents(keys, codes)),
            "d": self.d.init(d_key, game.seen(self.rules, example)),
        }
        return play.start(self.rules, nets, example)

    def codes(self, keys: jax.Array) -> Codes:
        """Codes of each kind that there is, drawn from their prior.

        Returns:
          ``categorical``: int32 [B, categorical_codes]; ``continuous``: float32
          [B, continuous_codes] in [-1, 1].
        """

        def one(key: jax.Array) -> Codes:
            first, second = jax.random.split(key)
            found = {}
            if self.categorical_codes:
                shape = (self.categorical_codes,)
                found[CATEGORICAL] = jax.random.randint(first, shape, 0, self.categories, jnp.int32)
            if self.continuous_codes:
                shape = (self.continuous_codes,)
                found[CONTINUOUS] = jax.random.uniform(second, shape, jnp.float32, minval=-1.0)
            return found

        return jax.vmap(one)(draws.fold(keys, DRAW_CODES))

    def latents(self, keys: jax.Array, codes: Codes) -> jax.Array:
        """The generator's input [B, Z]: noise, the one-hot of each categorical code, the others."""
        parts = [draws.normal(keys, (self.latent_dim,))]
        if CATEGORICAL in codes:
            one_hot = blocks.one_hot(codes[CATEGORICAL].reshape(-1), self.categories)
            parts.append(one_hot.reshape(len(keys), -1))
        if CONTINUOUS in codes:
            parts.append(codes[CONTINUOUS])
        return jnp.concatenate(parts, axis=-1)

    def generate(
        self, params: PyTree, stats: PyTree, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        """One training sample [B, *shape] for each key and its codes, and G's new statistics."""
        return self.g.apply(params, stats, self.latents(keys, conditions), train=True)

    def judge(
        self, params: PyTree, stats: PyTree, values: jax.Array, conditions: PyTree
    ) -> tuple[networks.Critique, PyTree]:
        """What D and Q say in training, of the samples alone, and their new statistics."""
        return self.d.apply(params, stats, values, train=True)

    def posterior(self, critique: networks.Critique) -> Codes:
        """Q: ``logits`` [B, codes, categories]; ``mean`` and ``log_variance`` [B, codes]."""
        found = {}
        if self.categorical_codes:
            logits = game.head(critique, CATEGORICAL)
            found["logits"] = logits.reshape(-1, self.categorical_codes, self.categories)
        if self.continuous_codes:
            both = game.head(critique, CONTINUOUS).reshape(-1, 2, self.continuous_codes)
            found["mean"], log_std = both[:, 0], both[:, 1]
            found["log_variance"] = jnp.logaddexp(2 * log_std, math.log(LEAST_VARIANCE))
        return found

    def information(self, critique: networks.Critique, codes: Codes) -> tuple[jax.Array, Metrics]:
        """``lambda L_I`` of equation 5, and each code's own L_I, in nats."""
        q, total, found = self.posterior(critique), jnp.zeros((), jnp.float32), {}
        for i in range(self.categorical_codes):
            bound = math.log(self.categories) - losses.mutual_information_categorical(
                q["logits"][:, i], codes[CATEGORICAL][:, i]
            )
            total += self.categorical_weight * bound
            found[f"information_{CATEGORICAL}_{i}"] = bound
        for i in range(self.continuous_codes):
            bound = math.log(2) - losses.mutual_information_gaussian(
                q["mean"][:, i], codes[CONTINUOUS][:, i], q["log_variance"][:, i]
            )
            total += self.continuous_weight * bound
            found[f"information_{CONTINUOUS}_{i}"] = bound
        return total, found

    def d_terms(
        self,
        real: networks.Critique,
        fake: networks.Critique,
        real_conditions: PyTree,
        fake_conditions: PyTree,
    ) -> tuple[jax.Array, Metrics]:
        """``-lambda L_I`` for Q and the trunk that it shares with D, on generated samples."""
        total, found = self.information(fake, fake_conditions)
        metrics = {f"d/{name}": value for name, value in found.items()}
        if self.categorical_codes:
            guess = jnp.argmax(self.posterior(fake)["logits"], axis=-1).astype(jnp.int32)
            metrics["d/code_accuracy"] = jnp.mean(
                guess == fake_conditions[CATEGORICAL], dtype=jnp.float32
            )
        return -total, metrics

    def g_terms(self, fake: networks.Critique, conditions: PyTree) -> tuple[jax.Array, Metrics]:
        """``-lambda L_I`` for G."""
        total, _ = self.information(fake, conditions)
        return -total, {"g/information": total}

    def d_loss(
        self, params: PyTree, state: State, real: jax.Array, codes: Codes, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The loss of D and Q on real [B, *shape] and as many generated samples of ``codes``."""
        return objectives.d_loss(self.rules, params, state, game.Samples(real, codes), keys)

    def g_loss(
        self, params: PyTree, state: State, real: jax.Array, codes: Codes, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The generator's loss; ``real`` [B, *shape] serves what compares with real samples."""
        return objectives.g_loss(self.rules, params, state, game.Samples(real, codes), keys)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """``n_critic`` discriminator updates, then one of the generator, then the average."""
        return play.step(self.rules, state, batch, key)

    def sample(
        self,
        state: State,
        key: jax.Array,
        n: int,
        *,
        categorical: jax.Array | None = None,
        continuous: jax.Array | None = None,
        averaged: bool = True,
    ) -> jax.Array:
        """Samples [n, *shape].

        Args:
          state: of training.
          key: of the noise, and of the codes that are not given.
          n: how many.
          categorical: codes in [0, categories): [n, categorical_codes], [n] where there is one, or
            a number for all.
          continuous: codes, [n, continuous_codes] likewise; those outside [-1, 1] extrapolate.
          averaged: ``False`` takes the raw weights.

        Raises:
          ValueError: for codes of another shape, or of a kind that there is none of.
        """
        params, stats = weights(state.nets["g"], averaged)
        keys = draws.sample_keys(key, n)
        codes = self.codes(keys)
        for name, value in ((CATEGORICAL, categorical), (CONTINUOUS, continuous)):
            if value is not None:
                codes[name] = given(name, value, codes.get(name))
        return self.g.apply(params, stats, self.latents(keys, codes), train=False)[0]

    def recognize(self, state: State, images: jax.Array) -> Codes:
        """The ``posterior`` of the codes of images [B, *shape] in [-1, 1]."""
        q = self.posterior(game.look(self.rules, state, images))
        return jax.tree.map(lambda x: x[: len(images)], q)

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images [B, *shape] in [-1, 1]."""
        return game.scores(self.rules, state, images)

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        inputs: list[tuple] = [(self.latents(k, self.codes(k)),) for k in keys]
        return game.recalibrated(self.g, state, inputs, averaged)
