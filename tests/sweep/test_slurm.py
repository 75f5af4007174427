"""A sweep on a real SLURM, one of its jobs put back on the way: ``launch/slurm_single_node.sh``."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from jaxgan.sweep import summary
from tests.conftest import EXPERIMENTS

pytestmark = pytest.mark.slurm
SWEEP = f"""
import sys
sys.path.insert(0, {str(EXPERIMENTS)!r})
from jaxgan import sweep
from gan_digits import get_config, get_smoke_config

def get_sweep():
    return sweep.Sweep({{"a": {{}}, "b": {{"method.loss": "least_squares"}}}}, seeds=2)
"""


def test_with_one_job_put_back_the_table_is_that_of_this_machine(tmp_path):
    if shutil.which("sinfo") is None or subprocess.run(["sinfo"]).returncode:
        pytest.skip("no SLURM answers")
    path = tmp_path / "mine.py"
    path.write_text(SWEEP)
    many = ("--config.steps=8000", "--config.log.every=100", "--config.checkpoint.every=8000")
    few = ("--config.sample.every=0", "--config.evaluation.every=8000")
    here, there = tmp_path / "local", tmp_path / "slurm"
    command = [sys.executable, "-m", "jaxgan.sweep", f"--config={path}", "--smoke", *many, *few]
    on_slurm = ["--executor=slurm", "--max_parallel=1", "--slurm=cpus_per_task=1", "--slurm=time=9"]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    with subprocess.Popen([*command, f"--workdir={there}", *on_slurm], env=env) as process:
        metrics = there / "a" / "seed_0" / "metrics.jsonl"
        until = time.monotonic() + 180
        while not metrics.exists() and time.monotonic() < until:
            time.sleep(0.2)
        running = ["squeue", "--me", "--noheader", "--array", "--states=R", "--format=%i"]
        job = subprocess.run(running, check=True, text=True, capture_output=True).stdout.split()[0]
        subprocess.run(["scontrol", "requeue", job], check=True)
        assert process.wait(timeout=900) == 0
    assert "going on from step" in (there / "a" / "seed_0.log").read_text()
    subprocess.run([*command, f"--workdir={here}"], check=True, env=env)
    tables = [summary.summarize(place, ["sliced_wasserstein"], None) for place in (here, there)]
    assert tables[0] == tables[1]
