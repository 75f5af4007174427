"""A step of a run compiled for devices that need not be there, and what it needs of them."""

import time
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.run import encoded, feed, needs
from jaxgan.run.needs import Needs
from jaxgan.run.program import Program

PyTree = Any
# Most of the compiler's time is for code that runs fast; without it the work is nearly the same,
# and the memory another.
QUICK = {"xla_optimization_level": "EFFORT_O0"}


def compiled(
    ready: Program, splits: data.Splits | encoded.Encoded, *, quick: bool = False
) -> Needs:
    """What the step of the last phase of a training needs.

    Args:
      ready: for the devices.
      splits: of its data.
      quick: whether the compiler of TPUs takes the least trouble.

    Raises:
      jax.errors.JaxRuntimeError: if the compiler refuses it.
    """
    dataset, batch = given(ready, splits)
    key = ready.devices.key
    lanes = ready.devices.lanes
    if lanes > 1:
        key = jax.ShapeDtypeStruct((lanes,), key.dtype, sharding=key.sharding)
    step: Any = ready.at(ready.config.steps - 1).step
    lowered = step.lower(ready.template, dataset, batch, key)
    start = time.perf_counter()
    made = lowered.compile(compiler_options=QUICK if quick else None)
    seconds = time.perf_counter() - start
    held = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(dataset))
    return needs.read(made, ready.share, held, seconds)


def given(ready: Program, splits: data.Splits | encoded.Encoded) -> tuple[PyTree, PyTree]:
    """The shapes of the data set on each chip, if it is there, and of the batch cut over them."""
    cut, lanes = ready.devices.cuts, ready.devices.lanes
    apart = (lanes,) if lanes > 1 else ()
    # A row tells the shapes: for that they need not all be encoded.
    parts = ready.parts(splits.direct if isinstance(splits, encoded.Encoded) else splits.sources())
    rows = {part.name: part.source.read(np.zeros(1, np.int32)) for part in parts}

    if ready.config.data.placement == "stream":
        return None, {
            name: jax.ShapeDtypeStruct(
                (*apart, ready.batch, *row.shape[1:]), row.dtype, sharding=cut
            )
            for part in parts
            for name, row in rows[part.name].items()
        }
    whole = partial(jax.ShapeDtypeStruct, sharding=ready.devices.replicated)
    dataset = {
        name: feed.Rows(whole((part.source.size, row.size), row.dtype), row.shape[1:])
        for part in parts
        for name, row in rows[part.name].items()
    }
    indices = jax.ShapeDtypeStruct((*apart, ready.batch), np.int32, sharding=cut)
    return dataset, {part.name: indices for part in parts}
