"""What a training run carries from step to step: pytrees, no keys, no iterators."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.struct
import jax

PyTree = Any
Batch = Mapping[str, jax.Array]
Metrics = dict[str, jax.Array]


@flax.struct.dataclass
class Net:
    """One network in training.

    Attributes:
      params: the trained parameters, float32.
      stats: every other collection of variables (batch statistics, spectral vectors).
      opt_state: the optimizer's state and its learning-rate factor, see ``player``.
      ema: ``{'params', 'stats'}`` averaged over steps, or ``None`` when nothing is averaged.
    """

    params: PyTree
    stats: PyTree
    opt_state: PyTree
    ema: PyTree = None


def weights(net: Net, averaged: bool) -> tuple[PyTree, PyTree]:
    """Parameters and statistics to sample with: the average, where it is asked for and kept."""
    if averaged and net.ema is not None:
        return net.ema["params"], net.ema["stats"]
    return net.params, net.stats


def with_stats(net: Net, stats: PyTree, averaged: bool) -> Net:
    """The network with other statistics beside the weights that ``weights`` gives."""
    if averaged and net.ema is not None:
        return dataclasses.replace(net, ema={**net.ema, "stats": stats})
    return dataclasses.replace(net, stats=stats)


@flax.struct.dataclass
class State:
    """A method's whole state.

    Attributes:
      step: int32 scalar, the number of steps taken.
      nets: the networks by name; metrics of a network are named ``{name}/...``.
      extras: whatever else a method carries (image pools, running means), by name.
    """

    step: jax.Array
    nets: dict[str, Net]
    extras: dict[str, PyTree]
