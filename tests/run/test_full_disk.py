"""A disk that takes no more, whichever file it is that meets it: one line, and nothing is lost."""

import builtins
import errno
import functools
import io
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import jaxgan
from jaxgan import evaluation, main, train
from jaxgan.base import errors, terminal
from jaxgan.run import export, judge, written
from jaxgan.watch import log
from tests.conftest import log_lines, run, smoke
from tests.test_main import command, everything, python, tiny_run  # noqa: F401

FULL = "No space left on device"


@pytest.fixture
def full(monkeypatch):
    """full(PATTERN): from now on every file whose name matches lies on a full disk."""
    real, patterns = builtins.open, []

    def opened(file, mode="r", *args, **kwargs):
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        if set(mode) & set("wax+") and any(re.search(p, str(path)) for p in patterns):
            return real("/dev/full", mode.replace("x", "w"), *args, **kwargs)
        return real(file, mode, *args, **kwargs)

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", opened)
    return patterns.append


@pytest.fixture(scope="module")
def settings():
    fields = ("steps=12", "log.every=3", "sample.every=4", "checkpoint.every=6")
    return smoke("gan_digits", *fields, "evaluation.every=6", "evaluation.n=20")


# The files of a run, and what it ends with where the last checkpoint before is the one of step 6.
NEEDED = [
    (r"config\.json$", ""),
    (r"metrics\.jsonl$", "there is no checkpoint yet"),
    (r"step_00000012_select_.*\.json$", "the last good checkpoint is step"),
]
SPARED = [(r"step_\d+\.png$", "pictures"), (r"samples\.gif$", "an animation")]


@pytest.mark.parametrize(("pattern", "left"), NEEDED)
def test_what_a_run_needs_is_told_with_what_is_left(full, settings, tmp_path, pattern, left):
    full(pattern)
    with pytest.raises(errors.UserError, match=f"cannot write to .*: {FULL}.*{left}") as refusal:
        run(settings, tmp_path / "run")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("pattern", "what"), SPARED)
def test_what_a_run_can_do_without_is_given_up(full, settings, tmp_path, capsys, pattern, what):
    full(pattern)
    assert run(settings, tmp_path / "run") == train.FINISHED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f": {FULL}; the run goes on without {what}")
    assert jaxgan.load(tmp_path / "run").step == 12


def test_a_run_goes_on_where_the_log_could_not(full, settings, tmp_path, monkeypatch):
    assert run(settings, tmp_path / "whole") == train.FINISHED
    broken, write = tmp_path / "broken", log.Log.write

    def fills(self, step, values):
        if step > 8:
            full(r"metrics\.jsonl$")
        write(self, step, values)

    with monkeypatch.context() as patch:
        patch.setattr(log.Log, "write", fills)
        with pytest.raises(errors.UserError, match="the last good checkpoint is step 6; make room"):
            run(settings, broken)
    monkeypatch.undo()
    assert run(settings, broken) == train.FINISHED
    assert log_lines(broken) == log_lines(tmp_path / "whole")


class Board:
    """TensorBoard's writer, as clu's: an error comes at a later call."""

    def __init__(self):
        self.calls = 0

    def __getattr__(self, name):
        def call(*arguments):
            self.calls += 1
            try:
                raise ValueError(f"{{{{function_node}}}} events.v2; {FULL}\nFailed to flush")
            except ValueError as error:
                raise RuntimeError("Error occurred ASYNCHRONOUSLY.") from error

        return call


@pytest.mark.parametrize("first", ["write", "picture", "close"])
def test_tensorboard_is_given_up_once(tmp_path, capsys, first):
    board = Board()
    writer = log.Log(tmp_path / "metrics.jsonl", 10, 1, {"TensorBoard": board})
    calls = {"write": (1, {"x": 1.0}), "picture": (1, np.zeros((2, 2, 3), np.uint8)), "close": ()}
    for name in (first, *calls):
        getattr(writer, name)(*calls[name])
    assert board.calls == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"TensorBoard: events.v2; {FULL}; the run goes on without TensorBoard"


class Terminal(io.StringIO):
    """Standard output or error that goes to a full disk."""

    def write(self, text):
        raise OSError(errno.ENOSPC, FULL)


def test_lines_that_nobody_can_take_are_given_up(tmp_path, monkeypatch, capsys):
    writer = log.Log(tmp_path / "metrics.jsonl", 10, 1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        for _ in range(2):
            writer.train(1, {"x": 1.0})
        patch.setattr(sys, "stderr", Terminal())
        writer.warn("nor can this be told")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"cannot write to standard output: {FULL}; the run goes on without lines on standard output"
    )
    assert len(log_lines(tmp_path)) == 2


def test_a_full_disk_behind_standard_output():
    line = [sys.executable, "-m", "jaxgan.main"]
    with open("/dev/full", "w") as terminal:
        done = subprocess.run(line, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"error: cannot write to standard output: {FULL}\n"


RESULT = {"step": 1, "protocol": {"part": "report"}, "digest": "abc"}
WRITERS = {
    "grid": lambda model, run, out: written.write(model, out / "x.png", 4, 0),
    "arrays": lambda model, run, out: written.write(model, out / "x.npz", 4, 0),
    "result": lambda model, run, out: evaluation.write(RESULT, out),
    "report": lambda model, run, out: judge.write(RESULT, out),
    "export": lambda model, run, out: export.export(model, run, out / "export"),
}


load_once = functools.cache(jaxgan.load)


@pytest.fixture
def model(tiny_run):  # noqa: F811
    return load_once(tiny_run)


@pytest.mark.parametrize("name", WRITERS)
def test_whatever_else_is_written(full, model, tiny_run, tmp_path, name):  # noqa: F811
    full(r"x\.png$|x\.npz$|report_abc\.json$|config\.json$")
    with pytest.raises(errors.UserError, match=f"cannot write to .*: {FULL}$"):
        WRITERS[name](model, tiny_run, tmp_path)
    # No half of a file, and no folder that would be in the way of a second try.
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert not (tmp_path / "export").exists()


def test_an_export_without_room_leaves_nothing(model, tiny_run, tmp_path, monkeypatch):  # noqa: F811
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(errors.UserError, match="the disk is too full"):
        export.export(model, tiny_run, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_disk_met_by_somebody_else_is_no_defect(command, monkeypatch):  # noqa: F811
    def fails(number):
        def listing():
            raise OSError(number, os.strerror(number), "/data/x")

        monkeypatch.setattr(main, "listing", listing)

    for number in terminal.OF_A_DISK:
        fails(number)
        assert command() == (2, "", f"error: {os.strerror(number)}: /data/x\n")
    fails(2)
    with pytest.raises(FileNotFoundError):
        command()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(path):
    """Writes until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_disk_that_is_full(small_disk, monkeypatch):
    settings = smoke("gan_digits", "steps=9", "log.every=1", "sample.every=0", "checkpoint.every=0")
    place, ballast, write = small_disk / "run", small_disk / "ballast", log.Log.write
    ballast.write_bytes(bytes(560_000))
    with pytest.raises(errors.UserError, match=r"too full .* \d+\.?\d* kB free, \d+ kB wanted"):
        run(settings, place)
    ballast.unlink()

    def fills(self, step, values):
        if step == 2:
            with pytest.raises(OSError, match=FULL):
                fill(ballast)
        # More than is left of the block that the file has.
        write(self, step, {**values, **{f"x{i}": 0.0 for i in range(500)}})

    monkeypatch.setattr(log.Log, "write", fills)
    with pytest.raises(errors.UserError, match=rf"metrics\.jsonl: {FULL}; there is no checkpoint"):
        run(settings, place)
    monkeypatch.undo()
    ballast.unlink()
    assert run(settings, place) == train.FINISHED
    assert [line["step"] for line in log_lines(place)][:9] == list(range(1, 10))
