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

from jaxgan import adversarial, losses
from jaxgan.adversarial.game import look
from jaxgan.adversarial.purposes import OfStep
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import State
from jaxgan.networks import Critique
from jaxgan.nn import blocks

PyTree = Any
Codes = dict[str, jax.Array]
CATEGORICAL, CONTINUOUS = "categorical", "continuous"

# Added to Q's variance. Nothing else bounds the density of a code that is read off exactly: with a
# deviation of 0.01 Q loses tens of nats at a step of G. At 0.1 a code is worth 2.1 nats at most.
LEAST_VARIANCE = 1e-2


def fit(name: str, value: Any, drawn: jax.Array | None) -> jax.Array:
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
      common: see ``adversarial.Common``; ``latent_dim`` is that of z, the noise, and
        ``d_optimizer`` Q's too.
      categorical_codes: how many, each uniform over ``categories`` values.
      categories: values of each categorical code.
      continuous_codes: how many, each uniform on [-1, 1].
      categorical_weight: lambda of the categorical codes.
      continuous_weight: lambda of the continuous ones; smaller, for there is no upper limit to a
        density.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat(latent_dim=62))
    categorical_codes: int = 1
    categories: int = 10
    continuous_codes: int = 2
    categorical_weight: float = 1.0
    continuous_weight: float = 0.1

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if min(self.categorical_codes, self.continuous_codes) < 0:
            raise ValueError("categorical_codes and continuous_codes must be at least 0")
        if not (self.categorical_codes or self.continuous_codes):
            raise ValueError("categorical_codes and continuous_codes are both 0: that is gan")
        if self.categories < 2:
            raise ValueError(f"categories must be at least 2, not {self.categories}")
        # Not `< 0`, which is false for nan.
        if not (self.categorical_weight >= 0 and self.continuous_weight >= 0):
            raise ValueError("categorical_weight and continuous_weight must be at least 0")

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play: Q's heads on D are logits; and the means, then the log deviations.

        Of a pack Q reads the codes of each sample. Real samples have none.
        """
        sizes = {
            CATEGORICAL: self.categorical_codes * self.categories,
            CONTINUOUS: self.continuous_codes * 2,
        }
        m = self.common.techniques.pack
        heads = tuple((name, m * size) for name, size in sizes.items() if size)
        return adversarial.Game(
            self.common,
            adversarial.generator(self.common),
            adversarial.discriminator(self.common, heads=heads),
            conditions=(CATEGORICAL, CONTINUOUS),
            choices={CATEGORICAL: self.categories},
            example=self.example(),
            drawn=self.codes,
            given=self.given,
            of_fake=lambda batch, keys: self.codes(keys),
            g_inputs=self.inputs,
            d_terms=self.d_terms,
            g_terms=self.g_terms,
        )

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)

    def example(self) -> Codes:
        """The codes of one sample, for their shapes."""
        keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 1))
        shapes = jax.eval_shape(self.codes, keys)
        return jax.tree.map(lambda x: jnp.zeros(x.shape[1:], x.dtype), shapes)

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

        return jax.vmap(one)(draws.fold(keys, OfStep.VARIANT))

    def inputs(self, z: jax.Array, codes: Codes) -> tuple[jax.Array]:
        """The generator's input [B, Z]: noise, the one-hot of each categorical code, the others."""
        parts = [z]
        if CATEGORICAL in codes:
            one_hot = blocks.one_hot(codes[CATEGORICAL].reshape(-1), self.categories)
            parts.append(one_hot.reshape(len(z), -1))
        if CONTINUOUS in codes:
            parts.append(codes[CONTINUOUS])
        return (jnp.concatenate(parts, axis=-1),)

    def given(self, drawn: Codes, asked: Mapping[str, Any], n: int) -> Codes:
        """The codes that a caller asks for, and those drawn for the others.

        ``categorical`` are in [0, categories): [n, categorical_codes], [n] where there is one, or a
        number for all; ``continuous`` likewise, and those outside [-1, 1] extrapolate.
        """
        named = {name: value for name, value in asked.items() if value is not None}
        return {**drawn, **{name: fit(name, v, drawn.get(name)) for name, v in named.items()}}

    def posterior(self, critique: Critique) -> Codes:
        """Q: ``logits`` [B, codes, categories]; ``mean`` and ``log_variance`` [B, codes]."""
        found = {}
        if self.categorical_codes:
            logits = adversarial.head(critique, CATEGORICAL)
            found["logits"] = logits.reshape(-1, self.categorical_codes, self.categories)
        if self.continuous_codes:
            both = adversarial.head(critique, CONTINUOUS).reshape(-1, 2, self.continuous_codes)
            found["mean"], log_std = both[:, 0], both[:, 1]
            found["log_variance"] = jnp.logaddexp(2 * log_std, math.log(LEAST_VARIANCE))
        return found

    def information(self, critique: Critique, codes: Codes) -> adversarial.Terms:
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
        self, real: Critique, fake: Critique, of_real: PyTree, of_fake: Codes
    ) -> adversarial.Terms:
        """``-lambda L_I`` for Q and the trunk that it shares with D, on generated samples."""
        total, found = self.information(fake, of_fake)
        metrics = {f"d/{name}": value for name, value in found.items()}
        if self.categorical_codes:
            guess = jnp.argmax(self.posterior(fake)["logits"], axis=-1).astype(jnp.int32)
            metrics["d/code_accuracy"] = jnp.mean(guess == of_fake[CATEGORICAL], dtype=jnp.float32)
        return -total, metrics

    def g_terms(self, fake: Critique, conditions: PyTree) -> adversarial.Terms:
        """``-lambda L_I`` for G."""
        total, _ = self.information(fake, conditions)
        return -total, {"g/information": total}

    def recognize(self, state: State, images: jax.Array) -> Codes:
        """The ``posterior`` of the codes of images [B, *shape] in [-1, 1]."""
        q = self.posterior(look(self.game, state, images, {}))
        return jax.tree.map(lambda x: x[: len(images)], q)
