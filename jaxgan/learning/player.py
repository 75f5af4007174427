"""A player: one network and its optimizer. The only place that applies gradients."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

from jaxgan.base import parallel
from jaxgan.base.state import Net, State
from jaxgan.learning import updates
from jaxgan.nn.conv import varying_axes
from jaxgan.nn.stages import rematerialized

PyTree = Any


@flax.struct.dataclass
class OptState:
    """Optax's state, and a factor on the learning rate (float32) that is lowered from outside."""

    inner: PyTree
    factor: jax.Array


def mean_gradient(grads: PyTree, axis_name: str) -> PyTree:
    """The mean of the devices' gradients.

    A `shard_map` that checks types has summed them already, of parameters that all devices share.
    """
    if not varying_axes(jax.lax.axis_index(axis_name)):
        return jax.lax.pmean(grads, axis_name)

    def mean(grad: jax.Array) -> jax.Array:
        total = jax.lax.psum(grad, axis_name) if axis_name in varying_axes(grad) else grad
        return total / jax.lax.axis_size(axis_name)

    return jax.tree.map(mean, grads)


@partial(jax.jit, static_argnames="module")
def _variables(module: nn.Module, key: jax.Array, *inputs: jax.Array) -> PyTree:
    """One program, also where a method is begun outside any: else each layer has several."""
    return module.init(key, *inputs, train=False)


@dataclasses.dataclass(frozen=True)
class Player:
    """A network that learns.

    Attributes:
      module: called as ``module(*inputs, train=bool)``.
      optimizer: any Optax transformation.
      averaged: whether a moving average of the weights is kept beside them.
      axis_name: the mapped axis over which the batch is split, or ``None`` under ``jit``.
      rematerialize: whether gradients keep the maps between its stages alone, see ``nn.stages``.
    """

    module: nn.Module
    optimizer: optax.GradientTransformation
    averaged: bool = False
    axis_name: str | None = None
    rematerialize: bool = False

    def init(self, key: jax.Array, *inputs: jax.Array) -> Net:
        """Fresh parameters; ``inputs`` give the shapes."""
        variables = dict(_variables(self.module, key, *inputs))
        params = variables.pop("params")
        opt_state = OptState(self.optimizer.init(params), jnp.ones((), jnp.float32))
        # A copy: a buffer that stands twice in a donated state could be given away only once.
        ema = jax.tree.map(jnp.copy, {"params": params, "stats": variables})
        return Net(params, variables, opt_state, ema if self.averaged else None)

    def apply(
        self, params: PyTree, stats: PyTree, *inputs: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        """The network's output and, when training, its new statistics: keep or drop them."""
        variables = parallel.whole({"params": params, **stats})
        if not train:
            return self.module.apply(variables, *inputs, train=False), stats

        def run(variables: PyTree, inputs: tuple) -> tuple[Any, PyTree]:
            return self.module.apply(variables, *inputs, train=True, mutable=list(stats))

        out, new = self._kept(run)(variables, inputs)
        return out, {**stats, **new}

    def call(self, method: str, params: PyTree, stats: PyTree, *inputs: Any, **named: Any) -> Any:
        """What another method of the module gives, outside training."""

        def run(variables: PyTree) -> Any:
            return self.module.apply(variables, *inputs, method=method, **named)

        return self._kept(run)(parallel.whole({"params": params, **stats}))

    def _kept(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """``run``, whose gradient keeps as much of it as ``rematerialize`` leaves."""
        return rematerialized(run) if self.rematerialize else run

    def update(self, net: Net, grads: PyTree, stats: PyTree) -> tuple[Net, jax.Array]:
        """One optimizer step on gradients of this device's mean loss.

        Returns:
          The network with new parameters and ``stats``, and the norm of the whole batch's gradient.
        """
        if self.axis_name is not None:
            grads = mean_gradient(grads, self.axis_name)
        changes, inner = self.optimizer.update(grads, net.opt_state.inner, net.params)
        changes = jax.tree.map(lambda u: u * net.opt_state.factor, changes)
        params = optax.apply_updates(net.params, changes)
        opt_state = dataclasses.replace(net.opt_state, inner=inner)
        net = dataclasses.replace(net, params=params, stats=stats, opt_state=opt_state)
        return net, optax.tree.norm(grads)

    def restart(self, net: Net, due: jax.Array) -> Net:
        """The network with an optimizer as new, where that is due; its schedule goes on."""

        def scheduled(part: PyTree) -> bool:
            return isinstance(part, optax.ScaleByScheduleState)

        def choose(new: PyTree, old: PyTree) -> PyTree:
            return old if scheduled(old) else jnp.where(due, new, old)

        fresh = self.optimizer.init(net.params)
        inner = jax.tree.map(choose, fresh, net.opt_state.inner, is_leaf=scheduled)
        return dataclasses.replace(net, opt_state=dataclasses.replace(net.opt_state, inner=inner))

    def standing(self, params: PyTree, stats: PyTree, batches: list[tuple]) -> PyTree:
        """Statistics with the batch norm's replaced by their mean over ``batches`` of inputs.

        "Standing statistics" (Brock et al. 2019, arXiv:1809.11096, section 4.2): weights that were
        averaged have no batch statistics of their own.
        """
        old = stats.get("batch_stats")
        if not old:
            return stats
        total = jax.tree.map(jnp.zeros_like, old)
        zeros, ones = total, jax.tree.map(jnp.ones_like, old)
        for inputs in batches:
            # A running statistic is m r + (1 - m) b: from r = 0 and r = 1 follow m and b.
            low, high = (
                self.apply(params, {**stats, "batch_stats": r}, *inputs, train=True)[1][
                    "batch_stats"
                ]
                for r in (zeros, ones)
            )
            found = jax.tree.map(lambda a, b: a / (1 - (b - a)), low, high)
            total = jax.tree.map(lambda s, b: s + b / len(batches), total, found)
        return {**stats, "batch_stats": total}

    def average(self, net: Net, decay: float, step: jax.Array, start: int = 0) -> Net:
        """Moves the average towards the present weights and batch statistics.

        Weights averaged without their batch statistics give wrong pictures, so the running means
        and variances are averaged alike; any other collection (spectral vectors) is copied, since
        an average of unit vectors is none.
        """
        return self.move_average(net, updates.bounded(decay, step, start))

    def move_average(self, net: Net, decay: jax.Array) -> Net:
        """``average`` with a decay that is what it is from the first step on."""
        if net.ema is None:
            return net
        stats = {
            name: updates.average(net.ema["stats"][name], new, decay)
            if name == "batch_stats"
            else new
            for name, new in net.stats.items()
        }
        params = updates.average(net.ema["params"], net.params, decay)
        return dataclasses.replace(net, ema={"params": params, "stats": stats})


def scale_learning_rates(state: State, factor: float) -> State:
    """The same state with every player's learning rate multiplied by ``factor``."""

    def scale(net: Net) -> Net:
        lowered = net.opt_state.factor * factor
        opt_state = dataclasses.replace(net.opt_state, factor=lowered)
        return dataclasses.replace(net, opt_state=opt_state)

    return dataclasses.replace(state, nets={name: scale(net) for name, net in state.nets.items()})
