"""Many seeds in one program: copies of a run along an axis of their own, its lanes.

Each lane is the run of its seed: the same draws, batches and numbers, up to rounding. Only the
number of steps is shared, so that what hangs on it stays a branch (law 8).
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np

from jaxgan.base.parallel import Devices
from jaxgan.base.state import State
from jaxgan.run import alike

PyTree = Any
# Which axis of a state, and of a carry, is the lanes'.
STATE = State(None, 0, 0)  # type: ignore[arg-type]
CARRY = {"state": STATE, "totals": 0}


def over(
    devices: Devices, functions: Sequence[Callable], inputs: tuple[PyTree, ...], outputs: PyTree
) -> Callable:
    """A function of each lane at once, or as it is where there is one.

    Args:
      devices: which say how many lanes there are.
      functions: of one lane of each arm, of which the lanes lie side by side; see ``alike.merge``.
      inputs: the lanes' axis in each argument, see ``jax.vmap``.
      outputs: likewise of the result.
    """
    first, *others = functions
    if devices.lanes == 1:
        return first
    if not others:
        return jax.vmap(first, inputs, outputs)
    which = np.repeat(np.arange(len(functions)), devices.lanes // len(functions))
    merged = jax.vmap(alike.merge(functions), (0, *inputs), outputs)
    return partial(merged, which.astype(np.int32))


def stacked(shapes: PyTree, devices: Devices) -> PyTree:
    """The shapes of one lane's carry as those of all, with their shardings."""

    def widen(part: PyTree) -> PyTree:
        return jax.tree.map(
            lambda x: jax.ShapeDtypeStruct((devices.lanes, *x.shape), x.dtype), part
        )

    one = shapes["state"]
    state = State(one.step, widen(one.nets), widen(one.extras))
    every = {"state": state, "totals": widen(shapes["totals"])}
    return devices.shapes(every, devices.carried(one))


def alone(prepared: Sequence[dict[str, PyTree]]) -> dict[str, PyTree]:
    """What arms prepare of the data, which is one thing for all.

    Raises:
      ValueError: if they prepare different things.
    """
    first, *others = prepared
    for other in others:
        same = jax.tree.map(np.array_equal, first, other)
        if not all(jax.tree.leaves(same)):
            raise ValueError("arms that are trained side by side prepare it differently")
    return first


def take(carry: PyTree, lane: int, devices: Devices) -> PyTree:
    """The carry of one lane, on every device."""
    return taker(devices)(carry, np.int32(lane))


@cache
def taker(devices: Devices) -> Callable[[PyTree, Any], PyTree]:
    """``take`` on these devices, one program for all lanes."""

    def row(carry: PyTree, i: jax.Array) -> PyTree:
        state = carry["state"]
        own = jax.tree.map(lambda x: x[i], (state.nets, state.extras, carry["totals"]))
        return {"state": State(state.step, *own[:2]), "totals": own[2]}

    return jax.jit(row, out_shardings=devices.of_one.replicated)
