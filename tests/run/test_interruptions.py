"""Runs that are killed or told to stop, as separate processes: nothing is lost, to the bit."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

import jaxgan
from tests.conftest import AT_LEAST, EXPERIMENTS, log_lines, same_bits

pytestmark = pytest.mark.usefixtures("optimized")

STEPS, INTERVAL, LOGGED = 300, 100, 10
ARGUMENTS = [
    f"--config={EXPERIMENTS}/gan_digits.py",
    "--smoke",
    "--config.parallel.devices=1",
    # Steps of some milliseconds, as in real use: a save must not last for half an interval.
    "--config.batch_size=512",
    f"--config.log.every={LOGGED}",
    f"--config.checkpoint.every={INTERVAL}",
    "--config.sample.every=100",
    "--config.evaluation.every=100",
    "--config.reduce_on_plateau.metric=d/loss",
    "--config.reduce_on_plateau.patience=7",
]


# Programs that others compiled are read, and none is written: a kill may leave one torn.
READ_ONLY = {AT_LEAST.upper(): "1e9"}
NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "0"}


class Runner:
    """Starts the command on one workdir."""

    def __init__(self, workdir, caching, steps=STEPS, more=()):
        self.workdir = workdir
        self.arguments = [*ARGUMENTS, f"--config.steps={steps}", f"--workdir={workdir}", *more]
        self.env = {**os.environ, "JAX_PLATFORMS": "cpu", **caching}

    def start(self):
        return subprocess.Popen(
            [sys.executable, "-m", "jaxgan.main", *self.arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, timeout=300):
        process = self.start()
        out, err = process.communicate(timeout=timeout)
        return process.returncode, out, err


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    code, _, err = Runner(workdir, {}).finish()
    assert code == 0, err
    return workdir


def pictures(workdir):
    found = {p.name: p.read_bytes() for p in (workdir / "samples").glob("*.png")}
    return found | {"gif": (workdir / "samples.gif").read_bytes()}


def assert_same_run(left, right):
    models = jaxgan.load(left), jaxgan.load(right)
    assert models[0].step == models[1].step
    assert same_bits(models[0].state, models[1].state)
    assert log_lines(left) == log_lines(right)
    assert pictures(left) == pictures(right)
    for path in (left / "evaluation").iterdir():
        assert path.read_text() == (right / "evaluation" / path.name).read_text()


def last_logged(workdir):
    try:
        lines = (workdir / "metrics.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return 0
    steps = [int(m.group(1)) for line in lines if (m := re.match(r'{"step": (\d+),', line))]
    return max(steps, default=0)


def committed(workdir):
    folder = workdir / "checkpoints"
    if not folder.exists():
        return 0
    return max((int(p.name) for p in folder.iterdir() if p.name.isdigit()), default=0)


def kill_again_and_again(runner, times, seed):
    """Kills the run at random moments, three in ten of them in a save.

    Returns how many steps each kill cost, and how many of the kills left a save unfinished.
    """
    chance = random.Random(seed)
    losses, saving = [], 0
    for _ in range(times):
        process, started = runner.start(), time.monotonic()
        kind, goal = chance.random(), committed(runner.workdir) + chance.randint(0, 3 * INTERVAL)
        if kind < 0.1:  # in start-up or compilation
            time.sleep(chance.uniform(0.2, 4))
        while kind >= 0.1 and process.poll() is None and time.monotonic() < started + 120:
            if kind < 0.4 and unfinished(runner.workdir):
                time.sleep(chance.uniform(0, 0.03))
                break
            if kind >= 0.4 and last_logged(runner.workdir) >= goal:
                time.sleep(chance.uniform(0, 0.1))
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert "Traceback" not in err, err
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        saving += bool(unfinished(runner.workdir))
        losses.append(max(0, last_logged(runner.workdir) - committed(runner.workdir)))
    return losses, saving


def unfinished(workdir):
    return list((workdir / "checkpoints").glob("*tmp*"))


@pytest.mark.slow
def test_kill_9_again_and_again(tmp_path):
    own = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}  # as a user's: some are torn
    whole, runner = (Runner(tmp_path / name, own, 12_000) for name in ("whole", "run"))
    code, _, err = whole.finish()
    assert code == 0, err
    times = 50
    losses, saving = kill_again_and_again(runner, times, seed=50)
    reached = committed(runner.workdir)
    code, _, err = runner.finish()
    assert code == 0, err
    over = sum(loss > INTERVAL for loss in losses)
    print(
        f"{times} kills up to step {reached}, {saving} in a save, "
        f"{max(losses)} steps lost at most, {over} times more than {INTERVAL}"
    )
    # A save goes on beside the steps, and counts only when it has ended; a loaded machine may
    # stretch it, but never beyond the next one.
    assert max(losses) <= 2 * INTERVAL
    assert reached >= INTERVAL
    assert_same_run(whole.workdir, runner.workdir)


# Sends the signal from inside a phase of the run; the timer lets compilation begin first.
DRIVER = """
import os, sys, threading
from jaxgan.base import preemption
preemption.install()
phase, number = sys.argv[1], int(sys.argv[2])
from jaxgan import data, evaluation, main
from jaxgan.watch import pictures
from jaxgan.base import parallel

def send():
    os.kill(os.getpid(), number)

def before(module, name, call, send):
    original, calls = getattr(module, name), []
    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            send()
        return original(*args, **kwargs)
    setattr(module, name, wrapped)

if phase == "startup":
    send()
if phase == "compilation":
    before(parallel.Devices, "compile", 1, threading.Timer(0.4, send).start)
if phase == "training":
    before(data, "indices", 137, send)
if phase == "evaluation":
    before(evaluation.Evaluator, "measure", 2, send)
if phase == "sampling":
    before(pictures, "picture", 3, send)
sys.exit(main.main(sys.argv[3:]))
"""
PHASES = ("startup", "compilation", "training", "evaluation", "sampling")
BOTH = (signal.SIGTERM, signal.SIGINT)


def stop(runner, phase, number):
    """Sends a signal in a phase of a run, which is to save and end; returns the step."""
    driven = [sys.executable, "-c", DRIVER, phase, str(int(number)), *runner.arguments]
    stopped = subprocess.run(driven, env=runner.env, capture_output=True, text=True, timeout=300)
    assert stopped.returncode == 75, stopped.stderr
    assert signal.Signals(number).name in stopped.stderr
    assert "Traceback" not in stopped.stderr
    saved = re.search(r"saved at step (\d+)", stopped.stdout)
    assert saved, stopped.stdout
    step = int(saved.group(1))
    assert committed(runner.workdir) == step
    return step


def check_goes_on(runner, step, whole):
    """Lets a run that was stopped end, and compares it with the one that nobody disturbed."""
    code, out, err = runner.finish()
    assert code == 0, err
    assert f"going on from step {step}" in out
    assert_same_run(whole, runner.workdir)


def test_kill_9_and_then_a_signal(whole, tmp_path):
    runner = Runner(tmp_path / "run", READ_ONLY)
    kill_again_and_again(runner, 1, seed=1)  # in the first save
    check_goes_on(runner, stop(runner, "training", signal.SIGTERM), whole)


@pytest.mark.slow
def test_kill_9_where_networks_are_in_parts(tmp_path):
    more = ["--config.parallel.devices=4", "--config.parallel.shard_parameters=True"]
    more += ["--config.method.generator.features=128,256"]
    env = READ_ONLY | {"JAX_NUM_CPU_DEVICES": "4"}
    undisturbed, runner = (Runner(tmp_path / x, env, more=more) for x in ("whole", "run"))
    code, out, err = undisturbed.finish()
    assert code == 0, err
    kill_again_and_again(runner, 2, seed=1)
    code, out, err = runner.finish()
    assert code == 0, err
    assert "going on from step" in out
    assert_same_run(undisturbed.workdir, runner.workdir)


@pytest.mark.slow
@pytest.mark.parametrize("again", range(2))
@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("phase", PHASES)
def test_signals(whole, tmp_path, phase, number, again):
    # Compilation is to take its time, where it is in that.
    runner = Runner(tmp_path / "run", NO_CACHE if phase == "compilation" else READ_ONLY)
    check_goes_on(runner, stop(runner, phase, number), whole)
