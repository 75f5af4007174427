"""The processes of a run: who started this one, and joining the others."""

import dataclasses
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import jax

from jaxgan.base import errors, liveness, preemption

ADDRESS = "JAX_COORDINATOR_ADDRESS"
EXPLICIT = (ADDRESS, "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
# What JAX asks of SLURM.
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID")
# Seconds until a wait for the other processes is told, and until it is given up.
TOLD, PATIENCE = 2.0, 300.0
# What JAX says, on standard error, of the flag that it is given here.
NOTICE = b"recoverable task feature"


@contextmanager
def joined() -> Iterator[None]:
    """A context of work together with the other processes, where the environment says so.

    ``JAX_COORDINATOR_ADDRESS``, ``JAX_NUM_PROCESSES`` and ``JAX_PROCESS_ID`` say so; SLURM, Open
    MPI and TPU pods are recognized by what they set themselves. Until all are there a signal ends
    the process at once, and so does ``PATIENCE``, with one line. Within, they are watched. It is
    left when all have come to its end: JAX does not wait for processes that it lets be lost.

    Raises:
      UserError: if the environment contradicts itself, or the others cannot be joined.
      LostError: as ``liveness.watched``.
    """
    launch = find_launch(os.environ)
    if launch.count > 1:
        if not os.environ.get(ADDRESS, ":0").rpartition(":")[2].isdigit():
            raise errors.UserError(f"{ADDRESS} must be HOST:PORT, not {os.environ[ADDRESS]!r}")
        with preemption.at_once():
            join(launch)
    with liveness.watched():
        yield


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

    with without_notice() as terminal:
        timers = [
            threading.Timer(TOLD, tell, (terminal, f"waiting for {others}: {said}")),
            threading.Timer(PATIENCE, give_up, (terminal, f"{others}: {said}; {launch.remedy}")),
        ]
        try:
            for timer in timers:
                timer.daemon = True
                timer.start()
            # The loss of one is left to `liveness`: JAX would end all with a stack of C++.
            jax.config.update("jax_enable_recoverability", True)
            jax.distributed.initialize(
                initialization_timeout=int(PATIENCE) + 60,
                heartbeat_timeout_seconds=liveness.SILENCE,
                **launch.arguments,
            )
        except Exception as error:  # of JAX, or of what it asks of the launcher
            told = errors.describe(error)
            raise errors.UserError(f"{said}, but JAX: {told}; {launch.remedy}") from error
        finally:
            jax.config.update("jax_enable_recoverability", False)
            for timer in timers:
                timer.cancel()


def tell(terminal: TextIO, line: str) -> None:
    """Says a line where standard error was before."""
    print(line, file=terminal, flush=True)


def give_up(terminal: TextIO, others: str) -> None:
    """Ends the process. Its main thread waits in C++, and no exception reaches it there."""
    tell(terminal, f"error: waited {PATIENCE:.0f} s for {others}")
    os._exit(errors.BAD_INPUT)


@contextmanager
def without_notice() -> Iterator[TextIO]:
    """A context of all that goes to standard error in C++ but ``NOTICE``, which says nothing new.

    It gives a file for what is to be seen at once.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said, os.fdopen(os.dup(2), "w") as terminal:
        os.dup2(said.fileno(), 2)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), 2)
            said.seek(0)
            for line in said:
                if NOTICE not in line:
                    os.write(2, line)
