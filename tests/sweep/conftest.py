"""Sweeps whose commands are small scripts."""

import sys

import pytest

from jaxgan.sweep import Sweep, following, runs, slurm
from jaxgan.sweep.plan import Plan

SAY = "import sys; print('trained', flush=True); sys.exit({})"
# Saves when it is told to stop, as a run does.
WAIT = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
pathlib.Path({!r}).touch()
time.sleep(60)
"""

# Is told to stop by somebody, once.
SAVED_ONCE = """
import pathlib, sys
there = pathlib.Path({0!r}).exists()
pathlib.Path({0!r}).touch()
sys.exit(0 if there else 75)
"""

# Is at its end when it is told to stop, and need not save.
END = WAIT.replace("exit(75)", "exit(0)")
# Hears no signal but the one that nobody can.
DEAF = WAIT.replace("lambda *_: sys.exit(75)", "signal.SIG_IGN")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A sweep of three arms, whose commands are ``scripts`` by arm and mode."""
    scripts = {}

    def command(run, mode):
        script = scripts.get((run.arm, mode), SAY.format(0))
        return [sys.executable, "-c", script]

    monkeypatch.setattr(runs.Run, "command", command)
    monkeypatch.setattr(following, "PAUSE", 0.02)
    monkeypatch.setattr(slurm, "PAUSE", 0.02)
    sweep = Sweep({"a": {}, "b": {"steps": 1}, "c": {"steps": 2}}, seeds=1)
    found = runs.runs(sweep, tmp_path / "w", "x.py", [], smoke=False)
    arms = {run.arm: run for run in found}
    for run in found:
        run.place.mkdir(parents=True)
    plan = Plan(sweep, {}, found, dict.fromkeys(arms, 10), {}, dict.fromkeys(arms, True))
    return plan, arms, scripts
