"""SIGTERM and SIGINT: remembered, and acted on where the loop can save.

Imports nothing heavy, so that the handlers stand before JAX is even loaded: a signal that comes
during start-up or compilation is honoured at the first place where there is a state to save.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# "Temporary failure" in sysexits.h: the run was saved, and the same command goes on with it.
EXIT_CODE = 75
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_received: list[int] = []


def install() -> None:
    """Takes over both signals. A second one ends the process at once, as usual."""
    _received.clear()
    for number in SIGNALS:
        signal.signal(number, _remember)


def _remember(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    name = signal.Signals(number).name
    print(f"{name}: saving, then stopping (a second signal stops at once)", file=sys.stderr)
    # Not yet there where the signal comes while JAX is loaded.
    distributed = getattr(sys.modules.get("jax"), "distributed", None)
    if distributed is not None and distributed.is_initialized():
        # JAX has SIGTERM by now, and tells the other processes of no other signal, see `requested`.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        return
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)


@contextmanager
def at_once() -> Iterator[None]:
    """A context without a state to save, in which a signal ends the process, as usual.

    It is for a wait in C++ that begins a run of several processes: a handler of Python's would
    come to its turn when the wait is over.
    """
    ours = [number for number in SIGNALS if signal.getsignal(number) is _remember]
    for number in ours:
        signal.signal(number, signal.SIG_DFL)
    if _received:
        signal.raise_signal(_received[0])
    yield
    # Not SIGTERM, which JAX has taken over in the meantime, see `requested`.
    if signal.SIGINT in ours:
        signal.signal(signal.SIGINT, _remember)


def requested(step: int) -> bool:
    """Whether to save and stop before step ``step``; the same answer in every process."""
    jax = sys.modules.get("jax")
    if jax is not None and jax.distributed.is_initialized() and jax.process_count() > 1:
        from jax.experimental import multihost_utils

        # JAX's own handler has taken over SIGTERM; it agrees on a step without touching a device.
        return bool(multihost_utils.reached_preemption_sync_point(step))
    return bool(_received)
