"""Devices: the mesh, where arrays lie, and compiling a step. The only place that knows of them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.base import errors

PyTree = Any
AXIS = "data"
# What to install for a platform.
PLUGINS = {"cuda": "jax[cuda13]", "gpu": "jax[cuda13]", "tpu": "jax[tpu]"}


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
      mesh: all of them in one axis.
      mode: ``'jit'`` compiles the step of the global batch with sharded arrays, ``'pmap'`` maps
        the step over devices with a named axis.
    """

    mesh: Mesh
    mode: str

    @property
    def axis_name(self) -> str | None:
        """What a method's ``axis_name`` must be."""
        return AXIS if self.mode == "pmap" else None

    @property
    def replicated(self) -> NamedSharding:
        """The sharding of the state: the same on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def replicate(self, tree: PyTree) -> PyTree:
        """Host arrays, the same in every process, on every device."""
        if jax.process_count() == 1:
            return jax.device_put(tree, self.replicated)

        def place(x: np.ndarray) -> jax.Array:
            return jax.make_array_from_callback(x.shape, self.replicated, lambda index: x[index])

        return jax.tree.map(place, tree)

    def shard(self, batch: PyTree) -> PyTree:
        """This process's part of a global batch [B / processes, ...], cut over its devices."""
        sharding = NamedSharding(self.mesh, PartitionSpec(AXIS))
        if self.mode == "pmap":
            local = self.mesh.local_mesh.size
            batch = jax.tree.map(lambda x: x.reshape(local, -1, *x.shape[1:]), batch)
        return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)

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

    def compile(self, step: Callable[..., PyTree]) -> Callable[..., PyTree]:
        """Compiles ``step(carry, dataset, batch, key) -> carry``.

        The carry is donated; it, the dataset and the key are replicated, the batch is sharded.
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
        return jax.jit(step, out_shardings=self.replicated, donate_argnums=(0,))


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


def devices(mode: str, count: int, batch_size: int) -> Devices:
    """The first ``count`` devices (0: all of them).

    Raises:
      UserError: if there are fewer, or they do not divide the batch.
    """
    available = find_devices()
    if count > len(available):
        raise errors.UserError(
            f"config.parallel.devices is {count}, but there are {len(available)} devices"
        )
    chosen = available[: count or len(available)]
    if batch_size % len(chosen):
        down = batch_size // len(chosen) * len(chosen)
        sizes = f"{down} or {down + len(chosen)}" if down else str(len(chosen))
        raise errors.UserError(
            f"config.batch_size {batch_size} is not divisible by {len(chosen)} devices; "
            f"try {sizes}, or set parallel.devices"
        )
    mesh = Mesh(np.asarray(chosen), (AXIS,), axis_types=(AxisType.Auto,))
    return Devices(mesh, mode)


def mean(tree: PyTree, axis_name: str | None) -> PyTree:
    """The mean over devices of values that each computed on its part of the batch."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)
