"""A method's functions on the devices of a run, each compiled when it is first called."""

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import parallel
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.base.method import Method
from jaxgan.base.parallel import Devices
from jaxgan.base.state import State
from jaxgan.run import encoded, feed, lanes
from jaxgan.watch import totals

PyTree = Any
Carry = dict[str, Any]  # 'state' and 'totals'
# The key of the latents that a step draws is apart from the step's, see ``program.INIT``.
LATENT = np.uint32(2**32 - 5)


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The functions of one phase of a method.

    Attributes:
      config: of the run.
      devices: where it runs.
      state: the shapes of one lane's.
      autoencoder: whose latents the batches are moments of, or ``None``.
      arms: the method of each arm that is trained, outside a mapped axis.
      mapped: the same, where the step runs.
    """

    config: ConfigDict
    devices: Devices
    state: State
    autoencoder: Autoencoder | None
    arms: tuple[Method, ...]
    mapped: tuple[Method, ...]

    @property
    def method(self) -> Method:
        """For sampling and judging."""
        return self.arms[0]

    @cached_property
    def init(self) -> Callable[..., State]:
        """``init(key, prepared, shapes)``: what is not prepared of the batch is zeros of its shape.

        The shapes are pairs of an entry's name and its ``ShapeDtypeStruct``.
        """

        def init(key: jax.Array, prepared: PyTree, shapes: tuple) -> State:
            zeros = {name: jnp.zeros(x.shape, x.dtype) for name, x in shapes}
            batch = {**zeros, **prepared}
            begin = [arm.init for arm in self.arms]
            return lanes.over(self.devices, begin, (0, None), lanes.STATE)(key, batch)

        placed = self.devices.carried(self.state)["state"]
        return jax.jit(init, static_argnums=2, out_shardings=placed)

    @cached_property
    def step(self) -> Callable[..., Carry]:
        """``step(carry, dataset, batch, key) -> carry``, the carry donated."""
        return self.devices.compile(self._steps, self.state)

    @cached_property
    def several(self) -> Callable[..., Carry]:
        """``several(carry, dataset, batches, key) -> carry``: a step for each, in one call."""

        def several(carry: Carry, dataset: PyTree, batches: tuple, key: jax.Array) -> Carry:
            def one(carry: Carry, batch: PyTree) -> tuple[Carry, None]:
                return self._steps(carry, dataset, batch, key), None

            stacked = jax.tree.map(lambda *rows: jnp.stack(rows), *batches)
            return jax.lax.scan(one, carry, stacked)[0]

        return self.devices.compile(several, self.state)

    @property
    def _steps(self) -> Callable[..., Carry]:
        """``_step`` of every lane."""
        every = [partial(self._step, arm.step) for arm in self.mapped]
        return lanes.over(self.devices, every, (lanes.CARRY, None, 0, 0), lanes.CARRY)

    def _step(
        self, step: Callable, carry: Carry, dataset: PyTree, batch: PyTree, key: jax.Array
    ) -> Carry:
        """A method's step, and what is counted of it."""
        if dataset is not None:
            batch = feed.pick(dataset, batch)
        old = carry["state"]
        if self.autoencoder is not None:
            drawn = jax.random.fold_in(jax.random.fold_in(key, LATENT), old.step)
            batch = encoded.drawn(self.autoencoder, batch, drawn, self.devices.axis_name)
        key = jax.random.fold_in(key, old.step)
        new, metrics = step(old, data.to_float(batch), key)
        metrics = parallel.mean(metrics, self.devices.axis_name)
        skip = self.config.health.on_nonfinite == "skip"
        freeze = self.devices.lanes > 1 and not skip
        counts = carry["totals"]
        state, counted = totals.add(counts, old, new, metrics, skip=skip, freeze=freeze)
        return {"state": state, "totals": counted}

    @cached_property
    def latents(self) -> Callable[[jax.Array, int], PyTree]:
        """``latents(key, n)``."""
        return jax.jit(self.method.latents, static_argnums=1, out_shardings=self.devices.replicated)

    @cached_property
    def generate(self) -> Callable[..., jax.Array]:
        """``generate(state, latents, averaged=..., **conditions)``, cut over the devices."""

        def generate(
            state: State, latents: PyTree, *, averaged: bool, **conditions: Any
        ) -> jax.Array:
            samples = self.method.generate(state, latents, averaged=averaged, **conditions)
            return self.devices.cut(samples)

        whole = self.devices.replicated
        return jax.jit(
            self.devices.inside(generate), static_argnames="averaged", out_shardings=whole
        )

    @cached_property
    def decode(self) -> Callable[[jax.Array], jax.Array]:
        """``decode(samples)``: the images in [-1, 1] of samples of an autoencoder's latents."""
        assert self.autoencoder is not None
        autoencoder = self.autoencoder

        def decode(variables: PyTree, samples: jax.Array) -> jax.Array:
            images = encoded.shown(autoencoder, variables, self.devices.cut(samples))
            return jnp.clip(images, -1, 1)

        return partial(jax.jit(decode, out_shardings=self.devices.replicated), self._variables)

    @cached_property
    def _variables(self) -> PyTree:
        """Of the autoencoder, on the devices."""
        assert self.autoencoder is not None
        return self.devices.replicate(self.autoencoder.variables)

    @cached_property
    def scores(self) -> Callable[[State, jax.Array], jax.Array] | None:
        """``scores(state, images)``: the discriminator's logits, where the method gives them."""
        return self._compiled(self.method.scores)

    @cached_property
    def classify(self) -> Callable[[State, jax.Array], dict[str, jax.Array]] | None:
        """``classify(state, images)``: class logits by name, where the method has classifiers."""
        classify = self.method.classify
        averaged = self.config.evaluation.averaged
        return self._compiled(classify and partial(classify, averaged=averaged))

    @cached_property
    def encode(self) -> Callable[..., PyTree] | None:
        """``encode(state, images, averaged)``: latents, where the method has an encoder."""
        return self._compiled(self.method.encode, "averaged")

    @cached_property
    def log_weight(self) -> Callable[..., jax.Array] | None:
        """``log_weight(state, images, keys)``, where the method has a likelihood of images.

        That of latents is none.
        """
        return self._compiled(None if self.autoencoder else self.method.log_weight)

    def _compiled(self, function: Callable | None, *static: str) -> Callable | None:
        """A function of a state and images, which a method of latents gets as these."""
        if function is None:
            return None
        settings: Any = {"static_argnames": static, "out_shardings": self.devices.replicated}
        if self.autoencoder is None:
            return jax.jit(self.devices.inside(function), **settings)
        autoencoder = self.autoencoder

        def of_images(variables: PyTree, state: State, images: jax.Array, **told: Any) -> PyTree:
            return function(state, encoded.looked(autoencoder, variables, images), **told)

        return partial(jax.jit(self.devices.inside(of_images), **settings), self._variables)
