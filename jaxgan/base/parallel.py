"""Devices: the mesh, where arrays lie, and compiling a step. The only place that knows of them."""

import dataclasses
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.base import errors, preemption

PyTree = Any
AXIS = "data"
ADDRESS = "JAX_COORDINATOR_ADDRESS"
EXPLICIT = (ADDRESS, "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
# What JAX asks of SLURM.
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
# Seconds until a wait for the other processes is told, and until it is given up.
TOLD, PATIENCE = 2.0, 300.0
# What to install for a platform.
PLUGINS = {"cuda": "jax[cuda13]", "gpu": "jax[cuda13]", "tpu": "jax[tpu]"}


def initialize() -> None:
    """Joins the other processes, where the environment says that there are several.

    ``JAX_COORDINATOR_ADDRESS``, ``JAX_NUM_PROCESSES`` and ``JAX_PROCESS_ID`` say so; SLURM, Open
    MPI and TPU pods are recognized by what they set themselves. Until all are there a signal ends
    the process at once, and so does ``PATIENCE``, with one line.

    Raises:
      UserError: if the environment contradicts itself, or the others cannot be joined.
    """
    launch = find_launch(os.environ)
    if launch.count == 1:
        return
    if not os.environ.get(ADDRESS, ":0").rpartition(":")[2].isdigit():
        raise errors.UserError(f"{ADDRESS} must be HOST:PORT, not {os.environ[ADDRESS]!r}")
    with preemption.at_once():
        join(launch)


@dataclasses.dataclass(frozen=True)
class Launch:
    """How many processes a run has, and who says so.

    Attributes:
      variable: of the environment that says it.
      count: processes, this one included.
      arguments: for ``jax.distributed.initialize``.
    """

    variable: str = ""
    count: int = 1
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def remedy(self) -> str:
        """What to do if this process was to be alone."""
        one = "localhost" if self.variable.startswith("TPU_") else "1"
        return f"start all {self.count}, or set {self.variable}={one} for one alone"


def find_launch(env: Mapping[str, str]) -> Launch:
    """What the launcher that started this process says; those around it have left variables too.

    Raises:
      UserError: if one of its variables is missing, or not the number that it must be.
    """
    if all(name in env for name in EXPLICIT):
        return count_processes(env, *EXPLICIT[1:])
    if env.get("OMPI_COMM_WORLD_SIZE", "1") != "1":
        names = ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK")
        if "OMPI_MCA_orte_hnp_uri" not in env:  # Open MPI 5 does not say where process 0 is
            return count_processes(env, *names, (ADDRESS,))
        local = ("OMPI_COMM_WORLD_LOCAL_RANK",)
        return count_processes(env, *names, local, cluster_detection_method="ompi")
    if "SLURM_STEP_NODELIST" in env:
        # JAX goes by SLURM_NTASKS, which may be the number of the job around an interactive step.
        variable = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in env else "SLURM_NTASKS"
        options: dict[str, Any] = {"cluster_detection_method": "slurm"}
        alone = env.get("SLURM_STEP_NUM_NODES") == env.get(variable)
        if alone and "JAX_LOCAL_DEVICE_IDS" not in env:
            options["local_device_ids"] = []  # all that the node has, and not the first one
        return count_processes(env, variable, "SLURM_PROCID", SLURM, **options)
    hosts = env.get("TPU_WORKER_HOSTNAMES", "").count(",") + 1
    if hosts > 1 and "tpu" in (jax.config.values["jax_platforms"] or "tpu"):
        return Launch("TPU_WORKER_HOSTNAMES", hosts)
    return Launch()


def count_processes(
    env: Mapping[str, str], variable: str, index: str, needed: tuple[str, ...] = (), **options: Any
) -> Launch:
    """The launch of as many processes as ``variable`` says, this one being number ``index``.

    Raises:
      UserError: naming the variable that is missing or wrong.
    """
    count = number(env, variable)
    launch = Launch(variable, count, options)
    if count == 1:
        return launch
    for name in (index, *needed):
        if name not in env:
            raise errors.UserError(f"{variable} is {count}, but {name} is not set; {launch.remedy}")
    process = number(env, index)
    if not 0 <= process < count:
        raise errors.UserError(
            f"{index} must be at least 0 and less than {variable}, which is {count}, not {process}"
        )
    options |= {"num_processes": count, "process_id": process}
    return launch


def number(env: Mapping[str, str], name: str) -> int:
    """The number in a variable of the environment, 1 where there is none.

    Raises:
      UserError: if it is none.
    """
    try:
        return int(env.get(name, 1))
    except ValueError as error:
        raise errors.UserError(f"{name} must be a number, not {env[name]!r}") from error


def join(launch: Launch) -> None:
    """Waits for the other processes, saying so; ends this one if they do not come.

    Raises:
      UserError: with JAX's reason, if it cannot wait.
    """
    others = f"{launch.count - 1} other{'s' if launch.count > 2 else ''}"
    said = f"{launch.variable} says {launch.count} processes"

    def tell() -> None:
        print(f"waiting for {others}: {said}", file=sys.stderr, flush=True)

    def give_up() -> None:
        waited = f"waited {PATIENCE:.0f} s for {others}: {said}"
        print(f"error: {waited}; {launch.remedy}", file=sys.stderr, flush=True)
        # The main thread waits in C++, and no exception reaches it there.
        os._exit(errors.BAD_INPUT)

    timers = [threading.Timer(TOLD, tell), threading.Timer(PATIENCE, give_up)]
    try:
        for timer in timers:
            timer.daemon = True
            timer.start()
        # JAX is to be the more patient one: it ends a process with a stack of C++.
        patience = int(PATIENCE) + 60
        jax.distributed.initialize(initialization_timeout=patience, **launch.arguments)
    except Exception as error:  # of JAX, or of what it asks of the launcher
        told = errors.describe(error)
        raise errors.UserError(f"{said}, but JAX: {told}; {launch.remedy}") from error
    finally:
        for timer in timers:
            timer.cancel()


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
    return over(available[: count or len(available)], mode, batch_size, "devices")


def over(chosen: Sequence[jax.Device], mode: str, batch_size: int, kind: str) -> Devices:
    """All of these devices, which need not be there.

    Raises:
      UserError: if they do not divide the batch; they are called by their ``kind``.
    """
    if rest := batch_size % len(chosen):
        near = (batch_size - rest, batch_size - rest + len(chosen))
        sizes = " or ".join(str(size) for size in near if size)
        otherwise = ", or set parallel.devices" if kind == "devices" else ""
        told = f"config.batch_size {batch_size} is not divisible by {len(chosen)} {kind}"
        raise errors.UserError(f"{told}; try {sizes}{otherwise}")
    return Devices(Mesh(np.asarray(chosen), (AXIS,), axis_types=(AxisType.Auto,)), mode)


def barrier(name: str) -> None:
    """Waits until every process has come to this place."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def mean(tree: PyTree, axis_name: str | None) -> PyTree:
    """The mean over devices of values that each computed on its part of the batch."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)
