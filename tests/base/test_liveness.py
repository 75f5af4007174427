import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import jax
import pytest

from jaxgan.base import errors, liveness, terminal
from tests.base.test_processes import free_port, start_processes
from tests.conftest import EXPERIMENTS

Broken = jax.errors.JaxRuntimeError


class Store:
    """What JAX's client offers of it, for two processes of which number 1 never comes."""

    def __init__(self):
        self.kept, self.alive, self.asked = {}, [{0: 10, 1: 11}], 0

    def key_value_set(self, key, value, allow_overwrite=False):
        if key in self.kept and not allow_overwrite:
            raise Broken("ALREADY_EXISTS")
        self.kept[key] = value

    def key_value_try_get(self, key):
        if key not in self.kept:
            raise Broken("NOT_FOUND")
        return self.kept[key]

    def blocking_key_value_get(self, key, timeout):
        return self.kept[key]

    def key_value_dir_get(self, key):
        return [(k, v) for k, v in self.kept.items() if k.startswith(key)]

    def get_live_nodes(self, indices):
        self.asked += 1
        assert self.asked < 100_000  # not for ever
        return self.alive.pop(0) if len(self.alive) > 1 else self.alive[0]

    def wait_at_barrier(self, key, timeout):
        raise Broken("DEADLINE_EXCEEDED")


@pytest.fixture
def store(monkeypatch):
    made = Store()
    made.kept = {f"{liveness.HOST}1": "host1"}
    state = types.SimpleNamespace(
        client=made, process_id=0, num_processes=2, coordinator_address="localhost:1"
    )
    monkeypatch.setattr(liveness.distributed, "global_state", state)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(liveness, "EVERY", 0.0)
    monkeypatch.setattr(liveness, "GRACE", 0.0)
    monkeypatch.setattr(socket, "gethostname", lambda: "host0")
    return made


@pytest.fixture
def left(monkeypatch):
    """The codes of what would have ended the process."""
    codes = []

    def leave(code):
        codes.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    return codes


def test_a_barrier_names_who_has_not_come(store):
    liveness.Watch()
    with pytest.raises(errors.LostError) as caught:
        liveness.barrier("restored", limit=0.1)
    said = "waited 0 s at 'restored' for process 1 of 2 (host host1); see its own output"
    assert str(caught.value).startswith(said)
    # Another failure than of one that is missing is no such one.
    there = next(key for key in store.kept if key.startswith(liveness.PLACE))
    number = int(there.removeprefix(liveness.PLACE).partition("/")[0])
    store.kept[f"{liveness.PLACE}{number + 1}/1"] = "restored"
    with pytest.raises(Broken):
        liveness.barrier("restored", limit=0.1)


def test_a_barrier_of_one_process_asks_nobody(store, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 1)
    liveness.barrier("restored")


def test_a_process_that_is_lost_is_named_with_an_exit_code_of_its_own(store, left, capsys):
    store.alive = [{0: 10, 1: 11}, {0: 10}]
    with pytest.raises(SystemExit):
        liveness.Watch().look()
    err = capsys.readouterr().err
    assert err.startswith(
        "error: process 1 of 2 (host host1) is gone, or silent for 30 s; see its own"
    )
    assert (err.count("\n"), left) == (1, [errors.LOST])


def test_one_that_was_started_anew_alone_is_named(store, left, capsys):
    store.alive = [{0: 10, 1: 11}, {0: 10, 1: 12}]
    with pytest.raises(SystemExit):
        liveness.Watch().look()
    with pytest.raises(errors.LostError, match="process 0 of 2 was in this run before"):
        liveness.Watch()
    assert "process 1 of 2 (host host1) is a new one, alone" in capsys.readouterr().err


def test_one_that_has_finished_is_not_missed(store, left, capsys):
    watch = liveness.Watch()
    store.kept[f"{liveness.DONE}1"] = ""
    store.alive = [{0: 10, 1: 11}, *[{0: 10}] * 9]
    looking = threading.Thread(target=watch.look, daemon=True)
    looking.start()
    while len(store.alive) > 1 and looking.is_alive():
        time.sleep(0.001)
    watch.over.set()
    looking.join()
    assert (left, capsys.readouterr().err) == ([], "")


def test_the_first_that_fails_ends_the_others_with_its_line_and_code(store, left, capsys):
    note = {"process": 1, "told": "no such folder", "code": 2}
    store.kept[liveness.FAILED] = json.dumps(note)
    with pytest.raises(SystemExit):
        liveness.Watch().listen()
    said = "error: process 1 of 2 (host host1) ended: no such folder\n"
    assert (capsys.readouterr().err, left) == (said, [2])


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (errors.UserError("no such\nfolder"), "no such folder", 2),
        (errors.LostError("waited"), "waited", errors.LOST),
        (OSError(28, "No space left on device", "x"), "No space left on device: x", 2),
        (RuntimeError("a defect"), "RuntimeError: a defect", 1),
    ],
)
def test_what_ends_a_process_is_written_for_the_others(store, monkeypatch, error, told, code):
    at_exit = []
    monkeypatch.setattr(liveness.atexit, "register", lambda *given: at_exit.append(given[1:]))
    monkeypatch.setattr(threading, "Timer", lambda *given: types.SimpleNamespace(start=int))
    watch = liveness.Watch()
    watch.fail(error)
    assert json.loads(store.kept[liveness.FAILED]) == {"process": 0, "told": told, "code": code}
    assert (at_exit, watch.failure) == ([(code,)], (told, code))
    # A second one does not write over the cause.
    watch.fail(ValueError("its consequence"))
    assert json.loads(store.kept[liveness.FAILED])["told"] == told
    # And is what the command line ends with.
    if not isinstance(error, RuntimeError):
        assert terminal.answer(lambda arguments: (_ for _ in ()).throw(error)) == code


def test_an_exchange_that_failed_is_told_from_a_mistake_of_ones_own():
    def after(cause, error):
        error.__cause__ = cause
        return error

    gone = Broken("UNKNOWN: Gloo AllReduce failed: Connection closed by peer")
    assert liveness.is_of_an_exchange(gone)
    assert liveness.is_of_an_exchange(ValueError(str(gone)))
    assert liveness.is_of_an_exchange(after(gone, errors.UserError("a checkpoint")))
    assert not liveness.is_of_an_exchange(Broken("RESOURCE_EXHAUSTED: Out of memory"))
    assert not liveness.is_of_an_exchange(after(gone, errors.LostError("waited")))
    assert not liveness.is_of_an_exchange(ValueError("a defect"))
    assert not liveness.is_of_an_exchange(ValueError("UNKNOWN: x [os_error_code='28']"))


def test_one_that_was_stopped_does_not_answer_although_it_can_be_called(monkeypatch):
    monkeypatch.setattr(liveness, "ANSWER", 0.2)
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
        assert not liveness.answers(address)

        def speak():
            for _ in range(2):  # the first is the call from above
                caller, _ = server.accept()
                with caller, contextlib.suppress(OSError):
                    caller.sendall(b"x")

        speaking = threading.Thread(target=speak)
        speaking.start()
        assert liveness.answers(address)
        speaking.join()
    assert not liveness.answers(address)


SCRIPT = """
import ctypes, sys, time
from jaxgan.base import errors, liveness, processes, terminal

def run(arguments):
    with processes.joined():
        index = liveness.distributed.global_state.process_id
        liveness.barrier("both")
        if sys.argv[1] == "late":
            if index == 1:
                time.sleep(600)
            liveness.barrier("nowhere", limit=3)
        if sys.argv[1] == "fails":
            if index == 1:
                raise errors.UserError("no such folder")
            time.sleep(600)
        if sys.argv[1] == "busy" and index == 1:
            ctypes.PyDLL(None).sleep(75)  # no thread of Python runs
        if index == 0:
            time.sleep(3)  # the other one waits for it
    return 0

terminal.process(run)
"""


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        pytest.param("ends", [(0, ""), (0, "")], marks=pytest.mark.slow),
        pytest.param("busy", [(0, ""), (0, "")], marks=pytest.mark.slow),
        (
            "fails",
            [(2, "process 1 of 2 (host HOST) ended: no such folder"), (2, "no such folder")],
        ),
        pytest.param(
            "late",
            [
                (69, "waited N s at 'nowhere' for process 1 of 2 (host HOST); see"),
                (69, "process 0 of 2 (host HOST) ended: waited N s at 'nowhere' for process 1"),
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_two_processes_end_together_and_say_why(way, expected):
    env = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_COORDINATOR_ADDRESS": f"localhost:{free_port()}",
        "JAX_NUM_PROCESSES": "2",
    }
    began = time.monotonic()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, way],
            env=env | {"JAX_PROCESS_ID": str(index)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        for process, (code, line) in zip(started, expected, strict=True):
            err = process.communicate(timeout=150)[1]
            assert process.returncode == code, err
            last = re.sub(r"waited \d+ s", "waited N s", err.splitlines()[-1]) if line else err
            said = line and "error: " + line.replace("HOST", socket.gethostname())
            assert last.startswith(said) if line else not last, err
            assert len(err.splitlines()) <= 2  # and that it waited to join, where it did
        assert time.monotonic() - began < 60 or way == "busy"
    finally:
        for process in started:
            process.kill()
            process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_stops_ends_the_other_and_is_named(tmp_path, number, victim):
    experiment, run = f"--config={EXPERIMENTS}/gan_digits.py", tmp_path / "run"
    more = ("--config.steps=1000000", "--config.log.every=20", "--config.evaluation.every=0")
    started = start_processes(
        (tmp_path / "0", tmp_path / "1"), experiment, f"--workdir={run}", "--smoke", *more
    )
    try:
        until = time.monotonic() + 120
        while not (run / "metrics.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.1)
        os.kill(started[victim].pid, number)
        gone = time.monotonic()
        _, err = started[1 - victim].communicate(timeout=100)
        assert time.monotonic() - gone < 60
        assert started[1 - victim].returncode == errors.LOST
        last = err.splitlines()[-1]
        assert last.startswith(f"error: process {victim} of 2 (host {socket.gethostname()})"), err
        assert last.endswith("a training goes on from its last checkpoint")
    finally:
        for process in started:
            process.kill()
            process.communicate()
