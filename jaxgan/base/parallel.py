"""Devices: the mesh, where arrays lie, and compiling a step. The only place that knows of them."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.base import errors
from jaxgan.base.state import State

PyTree = Any
AXIS, LANES = "data", "lanes"
TYPES = (AxisType.Auto,)
# Of how many values an array is cut: to gather fewer costs more than their memory is worth.
LEAST = 2**14
# What to install for a platform.
PLUGINS = {"cuda": "jax[cuda13]", "gpu": "jax[cuda13]", "tpu": "jax[tpu]"}


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
      mesh: all of them in one axis; of several lanes in two, the lanes' before the batch's.
      mode: ``'jit'`` compiles the step of the global batch with sharded arrays, ``'pmap'`` maps
        the step over devices with a named axis.
      lanes: how many runs one program trains, see ``run.lanes``.
      least: arrays of the networks of so many values are cut over the devices; ``None``: all of
        them are whole on each.
    """

    mesh: Mesh
    mode: str
    lanes: int = 1
    least: int | None = None

    @property
    def axis_name(self) -> str | None:
        """What a method's ``axis_name`` must be."""
        return AXIS if self.mode == "pmap" else None

    @property
    def replicated(self) -> NamedSharding:
        """The sharding of what is the same on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def carried(self, state: State) -> dict[str, Any]:
        """The shardings of what a step carries, as a prefix of its tree.

        Every device has all of it, or all of its own lanes, which share the number of steps; or of
        each large array of the networks a part.

        Args:
          state: of one lane, or its shapes.
        """
        whole: Any = self.replicated
        if self.lanes > 1:
            own: Any = NamedSharding(self.mesh, PartitionSpec(LANES))
            return {"state": State(whole, own, own), "totals": own}
        if self.least is None:
            return {"state": whole, "totals": whole}
        nets = jax.tree.map(self.in_parts, state.nets)
        return {"state": State(whole, nets, whole), "totals": whole}

    def in_parts(self, x: Any) -> NamedSharding:
        """The sharding of an array of a network: cut, if it is large and has an axis for that."""
        axis = longest(x.shape, self.mesh.shape[AXIS])
        if self.least is None or axis is None or math.prod(x.shape) < self.least:
            return self.replicated
        return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, AXIS))

    def shapes(self, tree: PyTree, shardings: PyTree = None) -> PyTree:
        """The shapes of a tree as it lies on the devices.

        What is traced for others is traced again for these.

        Args:
          tree: of arrays, or their shapes.
          shardings: as a prefix of it; ``None``: all of it is on every device.
        """

        def place(sharding: Any, part: PyTree) -> PyTree:
            return jax.tree.map(
                lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), part
            )

        return jax.tree.map(place, self.replicated if shardings is None else shardings, tree)

    @property
    def cuts(self) -> NamedSharding:
        """The sharding of a batch [B, ...], of several lanes [lanes, B, ...]."""
        axes = (LANES, AXIS) if self.lanes > 1 else (AXIS,)
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    @property
    def of_one(self) -> "Devices":
        """The same devices for one of the lanes."""
        return Devices(Mesh(self.mesh.devices.ravel(), (AXIS,), axis_types=TYPES), self.mode)

    @property
    def key(self) -> PyTree:
        """The shape of a random key on every device."""
        return self.shapes(jax.eval_shape(lambda: jax.random.key(0)))

    def replicate(self, tree: PyTree) -> PyTree:
        """Host arrays, the same in every process, on every device."""
        if jax.process_count() == 1:
            return jax.device_put(tree, self.replicated)

        def place(x: np.ndarray) -> jax.Array:
            return jax.make_array_from_callback(x.shape, self.replicated, lambda index: x[index])

        return jax.tree.map(place, tree)

    def shard(self, batch: PyTree) -> PyTree:
        """This process's part of a global batch [B / processes, ...], cut over its devices.

        Of several lanes [lanes, B, ...].
        """
        if self.mode == "pmap":
            local = self.mesh.local_mesh.size
            batch = jax.tree.map(lambda x: x.reshape(local, -1, *x.shape[1:]), batch)
        return jax.tree.map(lambda x: jax.make_array_from_process_local_data(self.cuts, x), batch)

    def gather(self, tree: PyTree) -> PyTree:
        """What a step returned, as arrays that all processes share.

        ``pmap`` leaves each of several processes with an array on its own devices alone.
        """
        if self.mode == "jit" or jax.process_count() == 1:
            return tree

        def whole(x: jax.Array) -> jax.Array:
            shards = [shard.data for shard in x.addressable_shards]
            return jax.make_array_from_single_device_arrays(x.shape, self.replicated, shards)

        return jax.tree.map(whole, tree)

    def cut(self, samples: jax.Array) -> jax.Array:
        """Inside ``jit``: has samples [n, ...] computed in parts, if n divides by the devices."""
        if samples.shape[0] % self.mesh.size:
            return samples
        return jax.lax.with_sharding_constraint(
            samples, NamedSharding(self.mesh, PartitionSpec(AXIS))
        )

    def inside(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function to be compiled, in which ``whole`` finds that the networks are in parts."""
        if self.least is None:
            return function

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            with jax.sharding.use_abstract_mesh(self.mesh.abstract_mesh):
                return function(*arguments, **named)

        return run

    def compile(self, step: Callable[..., PyTree], state: State) -> Callable[..., PyTree]:
        """Compiles ``step(carry, dataset, batch, key) -> carry``.

        The carry is donated; it is ``carried``, the dataset and the key are replicated, the batch
        is sharded. The state of one lane gives the shapes.
        """
        if self.mode == "pmap":
            return jax.pmap(
                step,
                axis_name=AXIS,
                in_axes=(None, None, 0, None),
                out_axes=None,
                devices=list(self.mesh.devices.flat),
                donate_argnums=(0,),
            )
        carried = self.carried(state)
        return jax.jit(self.inside(step), out_shardings=carried, donate_argnums=(0,))


def find_devices() -> list[jax.Device]:
    """The devices that JAX has, all of them over all processes.

    Raises:
      UserError: if it has none of the platform that ``JAX_PLATFORMS`` asks for.
    """
    try:
        return jax.devices()
    except Exception as error:  # an assertion without a word among them
        wanted = jax.config.values["jax_platforms"] or ""
        package = next((PLUGINS[name] for name in wanted.split(",") if name in PLUGINS), "")
        reason = errors.describe(error) if str(error) else "none is visible"
        remedy = f"pip install -U '{package}' ({reason})" if package else reason
        raise errors.UserError(f"JAX has no {wanted or 'usable'} device: {remedy}") from error


def that_divide(batch_size: int, count: int) -> list[jax.Device]:
    """So many devices of this process at most, or for 0 of all, that divide a batch.

    A batch size that was chosen for others need not be a multiple of all that are here.
    """
    found = find_devices()
    if count:
        found = [d for d in found if d.process_index == jax.process_index()][:count]
    return found[: max(n for n in range(1, len(found) + 1) if batch_size % n == 0)]


def longest(shape: Sequence[int], parts: int) -> int | None:
    """The longest axis that so many parts divide, or ``None`` if there is none.

    The first of several: of the last two, TPUs pad one that is short to 8, and the last to 128.
    """
    fitting = [i for i, size in enumerate(shape) if parts > 1 and size % parts == 0]
    return max(fitting, key=lambda i: shape[i], default=None)


def devices(
    mode: str, count: int, batch_size: int, lanes: int = 1, *, in_parts: bool = False
) -> Devices:
    """The first ``count`` devices (0: all of them), see ``over``.

    Raises:
      UserError: if there are fewer, or they do not divide the batch.
    """
    available = find_devices()
    if count > len(available):
        raise errors.UserError(
            f"config.parallel.devices is {count}, but there are {len(available)} devices"
        )
    chosen = available[: count or len(available)]
    return over(chosen, mode, batch_size, lanes, in_parts=in_parts)


def over(
    chosen: Sequence[jax.Device],
    mode: str,
    batch_size: int,
    lanes: int,
    kind: str = "devices",
    *,
    in_parts: bool = False,
) -> Devices:
    """All of these devices, which need not be there.

    Of several lanes as many as can have the same number are each on devices of their own; what
    is left of the devices cuts the batch. Of one lane the networks can be ``in_parts``, too.

    Raises:
      UserError: if they do not divide the batch; they are called by their ``kind``.
    """
    apart = math.gcd(lanes, len(chosen))
    cut = len(chosen) // apart
    if rest := batch_size % cut:
        sizes = " or ".join(str(x) for x in (batch_size - rest, batch_size - rest + cut) if x)
        otherwise = ", or set parallel.devices" if kind == "devices" else ""
        told = f"config.batch_size {batch_size} is not divisible by {cut} {kind}"
        raise errors.UserError(f"{told}; try {sizes}{otherwise}")
    if lanes == 1:
        mesh = Mesh(np.asarray(chosen), (AXIS,), axis_types=TYPES)
        return Devices(mesh, mode, least=LEAST if in_parts else None)
    grid = np.asarray(chosen).reshape(apart, cut)
    return Devices(Mesh(grid, (LANES, AXIS), axis_types=TYPES * 2), mode, lanes)


def whole(variables: PyTree) -> PyTree:
    """What a network computes with, on every device: gathered, where it lies in parts there.

    Else XLA may cut its products like the parts, and exchange maps, which can be larger by far.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if dict(zip(mesh.axis_names, mesh.axis_types, strict=True)).get(AXIS) is not AxisType.Auto:
        return variables
    return jax.lax.with_sharding_constraint(variables, PartitionSpec())


def mean(tree: PyTree, axis_name: str | None) -> PyTree:
    """The mean over devices of values that each computed on its part of the batch."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)
