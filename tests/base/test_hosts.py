"""Two hosts, as two network namespaces of this machine with a cable between them.

They need Linux, root, `ip` and `unshare`: where one is missing the tests are skipped, and say why.
"""

import os
import subprocess
import time

import pytest

from jaxgan import main
from jaxgan.base import errors
from tests.base.test_processes import (
    BATCH_NORM,
    run_processes,
    same_lines,
    sgd_experiment,
    start_processes,
)
from tests.conftest import EXPERIMENTS

pytestmark = pytest.mark.slow

# With a name of its own, which is how processes find each other's address.
ENTER = 'hostname "$1"; mount --bind "$2" /etc/hosts; shift 2; exec "$@"'
PORT = 29400


@pytest.fixture
def cable():
    """The names of two namespaces, and of the ends of the cable in them."""
    names = [f"jg{os.getpid()}{end}" for end in "ab"]
    try:
        for name in names:
            call("ip", "netns", "add", name)
        first, second = ((*("name", name), *("netns", name)) for name in names)
        call("ip", "link", "add", *first, "type", "veth", "peer", *second)
        for index, name in enumerate(names):
            call("ip", "-n", name, "addr", "add", f"10.77.0.{index + 1}/24", "dev", name)
            for device in ("lo", name):
                call("ip", "-n", name, "link", "set", device, "up")
        call("unshare", "--uts", "--mount", "true")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def call(*command):
    """Runs a command, and skips the test where it is refused."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"{command[0]}: {error.strerror}")
    if done.returncode:
        pytest.skip(f"{' '.join(command)}: {done.stderr.strip()}")


@pytest.fixture
def where(cable, tmp_path):
    """What ``start_processes`` needs to start one process on each host."""
    hosts = []
    for index, name in enumerate(cable):
        file = tmp_path / f"hosts{index}"
        file.write_text(f"127.0.0.1 localhost\n10.77.0.{index + 1} host{index}\n")
        enter = ("unshare", "--uts", "--mount", "sh", "-ec", ENTER, "sh", f"host{index}", file)
        hosts.append(("ip", "netns", "exec", name, *enter))
    return {"hosts": hosts, "address": f"10.77.0.1:{PORT}"}


def test_two_hosts_train_as_one_process_with_two_devices(tmp_path, monkeypatch, where):
    experiment = tmp_path / "sgd_digits.py"
    experiment.write_text(sgd_experiment("gan", BATCH_NORM))
    arguments = (f"--config={experiment}", "--smoke", "--config.evaluation.extractor=none")
    alone, together = tmp_path / "alone", tmp_path / "together"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main.main([*arguments, "--config.parallel.devices=2", f"--workdir={alone}"]) == 0
    caches = (tmp_path / "0", tmp_path / "1")
    for code, _, err in run_processes(caches, *arguments, f"--workdir={together}", **where):
        assert code == 0, err
    same_lines(alone, together)


def test_hosts_whose_cable_is_cut_name_each_other(tmp_path, cable, where):
    run, steps = tmp_path / "run", ("--config.steps=1000000", "--config.log.every=20")
    started = start_processes(
        (tmp_path / "0", tmp_path / "1"),
        *(f"--config={EXPERIMENTS}/gan_digits.py", "--smoke", *steps, f"--workdir={run}"),
        "--config.evaluation.every=0",
        **where,
    )
    try:
        until = time.monotonic() + 120
        while not (run / "metrics.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.1)
        call("ip", "-n", cable[0], "link", "set", cable[0], "down")
        cut = time.monotonic()
        for index, process in enumerate(started):
            _, err = process.communicate(timeout=100)
            other = 1 - index
            assert process.returncode == errors.LOST, err
            assert err.splitlines()[-1].startswith(
                f"error: process {other} of 2 (host host{other})"
            )
        assert time.monotonic() - cut < 60
    finally:
        for process in started:
            process.kill()
            process.communicate()
