"""Which of a run's processes are still there: those that are end with one line that says who not.

JAX's own heartbeat is sent from C++, so that a process that compiles, or waits for a disk, is not
taken for dead. A thread here asks what it has heard; another one asks why a process ended.
"""

import atexit
import contextlib
import ctypes
import itertools
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import jax

# The client is not public. The methods of it that are used here are in jax 0.10 and 0.12.
from jax._src import distributed
from jax.experimental import multihost_utils

from jaxgan.base import errors, terminal

# Seconds without a sign of life after which a process is taken for lost.
SILENCE = 30
# Seconds between two questions, and in which all others have heard what process 0 knows.
EVERY, GRACE = 2.0, 6.0
# Seconds until all have come to a place, and to the end, before which the first one may draw.
LIMIT, LAST = 600.0, 1800.0
# Seconds that a process which failed may take to clean up, and process 0 to answer a call.
CLEANING, ANSWER = 30.0, 3.0
# What process 0 keeps for all: hosts, who came to a place, the first that failed, who finished.
HOST, PLACE, FAILED, DONE = "jaxgan/host/", "jaxgan/place/", "jaxgan/failed", "jaxgan/done/"
REMEDY = "start all of them again: a training goes on from its last checkpoint"
# How an exchange fails that another process has left: gloo, NCCL, or JAX's own barriers.
STATUS = re.compile("(UNKNOWN|INTERNAL|UNAVAILABLE|ABORTED|CANCELLED|DEADLINE_EXCEEDED): ")
_places = itertools.count()  # the same in all processes
_kept: list[Any] = []  # what C has a pointer to


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """A context in which a process that is lost, or fails, ends the others with one line.

    It is left when all have come to its end. Of a run of one process it is nothing.

    Raises:
      LostError: if they do not come to its end, or this one was started anew, alone.
    """
    if not jax.distributed.is_initialized():
        yield
        return
    watch = Watch()
    watch.start()
    try:
        yield
        watch.finish()
    except BaseException as error:
        watch.fail(error)
        raise


def barrier(place: str, limit: float = LIMIT) -> None:
    """Waits until every process has come to this place.

    Args:
      place: its name, the same in all processes.
      limit: seconds to wait.

    Raises:
      LostError: naming those that have not come.
    """
    state = distributed.global_state
    if jax.process_count() == 1:
        return
    if state.client is None:  # processes that a library's user has joined in another way
        multihost_utils.sync_global_devices(place)
        return
    client: Any = state.client
    key, began = f"{PLACE}{next(_places)}/", time.monotonic()
    client.key_value_set(f"{key}{state.process_id}", place)
    try:
        client.wait_at_barrier(key, int(limit * 1000))
    except jax.errors.JaxRuntimeError as error:
        there = written(client, key)
        missing = [index for index in range(state.num_processes) if index not in there]
        if not missing:
            raise
        names = name(missing, state.num_processes, written(client, HOST))
        waited = f"waited {time.monotonic() - began:.0f} s at {place!r}"
        raise errors.LostError(f"{waited} for {names}; see its own output; {REMEDY}") from error


def written(client: Any, key: str) -> dict[int, str]:
    """What each process has written below a key."""
    return {int(k.rpartition("/")[2]): text for k, text in client.key_value_dir_get(key)}


def name(indices: Iterable[int], count: int, hosts: Mapping[int, str]) -> str:
    """Which processes these are, and on which hosts."""
    return ", ".join(f"process {i} of {count} (host {hosts.get(i, 'unknown')})" for i in indices)


def is_of_an_exchange(error: BaseException | None) -> bool:
    """Whether it may come from processes that are no longer there.

    There is no type for it: JAX raises a ``JaxRuntimeError`` or a ``ValueError``, Orbax what it
    likes. All begin with a status in C++; TensorStore adds what a disk said.
    """
    while error is not None and not isinstance(error, errors.LostError):
        if STATUS.match(str(error)) and "os_error_code" not in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def answers(address: str) -> bool:
    """Whether somebody answers at HOST:PORT: one that was stopped lets itself be called alone."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER) as called:
            return bool(called.recv(1))  # of gRPC, which speaks first
    except OSError:
        return False


class Watch:
    """The threads that watch the other processes, once all have joined.

    Attributes:
      index: of this process, as its launcher counts.
      count: of the processes.
      hosts: their names, by index.
      address: of process 0, at which JAX answers.
      over: set when nobody is to be missed any more.
      failure: the line and the exit code of an error that ends this process.
    """

    def __init__(self) -> None:
        state: Any = distributed.global_state
        self.client, self.address = state.client, str(state.coordinator_address)
        self.index, self.count = state.process_id, state.num_processes
        try:
            self.client.key_value_set(f"{HOST}{self.index}", socket.gethostname())
        except jax.errors.JaxRuntimeError as error:
            again = f"process {self.index} of {self.count} was in this run before"
            raise errors.LostError(f"{again}, and the others are; {REMEDY}") from error
        for index in range(self.count):
            self.client.blocking_key_value_get(f"{HOST}{index}", int(LIMIT * 1000))
        self.hosts = written(self.client, HOST)
        self.over, self.telling = threading.Event(), threading.Lock()
        self.failure: tuple[str, int] | None = None
        tasks = (self.listen, self.look)
        self.threads = [threading.Thread(target=task, daemon=True) for task in tasks]

    def start(self) -> None:
        """Watches from here on."""
        if self.index > 0:
            self.explain_abort()
        for thread in self.threads:
            thread.start()

    def listen(self) -> None:
        """Ends this process when another one has said that it failed."""
        while not self.over.wait(EVERY):
            with contextlib.suppress(jax.errors.JaxRuntimeError):  # none has
                note = json.loads(self.client.key_value_try_get(FAILED))
                if note["process"] != self.index and not self.over.is_set():
                    self.end(f"{self.name([note['process']])} ended: {note['told']}", note["code"])

    def look(self) -> None:
        """Ends this process when another one has been silent for too long."""
        first: dict[int, int] = {}
        while not self.over.wait(EVERY):
            # It waits until each of the others asks, or is lost: one may be slow to ask.
            with contextlib.suppress(jax.errors.JaxRuntimeError):  # JAX will end this process
                alive = self.client.get_live_nodes([*self.hosts])
                first = first or alive
                gone = self.hosts.keys() - alive.keys() - written(self.client, DONE).keys()
                anew = {index for index in alive if alive[index] != first.get(index)}
                if (gone or anew) and not self.over.is_set():
                    is_so = f"gone, or silent for {SILENCE} s" if gone else "a new one, alone"
                    who = self.name(sorted(gone or anew))
                    self.end(f"{who} is {is_so}; see its own output; {REMEDY}")

    def end(self, told: str, code: int = errors.LOST) -> None:
        """Ends this process with a line, from another thread: the main one may wait in C++."""
        if self.telling.acquire(blocking=False):
            print(f"error: {told}", file=sys.stderr, flush=True)
            self.leave(code)

    def leave(self, code: int) -> NoReturn:
        """Ends this process; the first one, of whom the others hear, as the last."""
        if self.index == 0:
            time.sleep(GRACE)
        os._exit(code)

    def finish(self) -> None:
        """Waits until all have come to the end; the first process, until they have gone.

        Raises:
          LostError: naming those that do not come.
        """
        self.client.key_value_set(f"{DONE}{self.index}", "")
        barrier("the end", LAST)
        self.over.set()
        until = time.monotonic() + SILENCE
        while self.index == 0 and time.monotonic() < until:
            if len(self.client.get_live_nodes([*self.hosts])) == 1:
                break
        # None is to be in C++ when the interpreter ends, which would abort.
        for thread in self.threads:
            thread.join(SILENCE)
        jax.distributed.shutdown()

    def fail(self, error: BaseException) -> None:
        """Tells the others of an error that ends this process, if none of them is its cause.

        A failed exchange is often of another one's making: that one is to be found first.
        """
        if is_of_an_exchange(error):
            asking = "an exchange with the other processes failed; looking for who is missing"
            print(asking, file=sys.stderr, flush=True)
            time.sleep(SILENCE + GRACE + 2 * EVERY)
        self.over.set()
        line = terminal.line(error)
        code = error.code if isinstance(error, errors.UserError) else errors.BAD_INPUT
        self.failure = (line, code) if line else (errors.describe(error)[:1000], errors.DEFECT)
        line, code = self.failure
        note = {"process": self.index, "told": line, "code": code}
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # another one was the first
            self.client.key_value_set(FAILED, json.dumps(note))
        # What JAX does at the end of a process waits for the others.
        atexit.register(self.flush_and_leave, code)
        late = threading.Timer(CLEANING, self.flush_and_leave, (code,))
        late.daemon = True
        late.start()

    def flush_and_leave(self, code: int) -> NoReturn:
        """Ends this process when it has said what it had to say."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self.leave(code)

    def explain_abort(self) -> None:
        """Has JAX's abort in C++, which follows the loss of process 0, end with a line as well."""

        @ctypes.CFUNCTYPE(None, ctypes.c_int)
        def explain(number: int) -> None:
            if self.failure:
                self.end(*self.failure)
            elif not answers(self.address):
                self.end(f"{self.name([0])} cannot be reached; see its own output; {REMEDY}")

        _kept.append(explain)
        libc = ctypes.CDLL(None)
        libc.signal.restype = ctypes.c_void_p
        libc.signal(signal.SIGABRT, explain)

    def name(self, indices: Iterable[int]) -> str:
        """Which processes these are, and on which hosts."""
        return name(indices, self.count, self.hosts)
