"""A run's folder made by an earlier version: it loads, samples, is evaluated, and goes on.

``old_run`` is that of ``cgan_digits --smoke`` with replay and historical averaging, stopped
at step 10 before methods were records, sources had digests and evaluations said how labels were
drawn. What it went on to log under that version stands below.
"""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import main
from tests.conftest import EXPERIMENTS, log_lines

OLD = Path(__file__).parent / "old_run"
FLAGS = (
    f"--config={EXPERIMENTS}/cgan_digits.py",
    "--smoke",
    "--config.parallel.devices=1",
    "--config.evaluation.every=0",
    "--config.sample.every=10",
    "--config.log.tensorboard=False",
    "--config.log.every=5",
    "--config.method.techniques.replay=8",
    "--config.method.techniques.historical_averaging=0.01",
)
# Of its last line. Diversity is not among them: it no longer counts what the buffer remembers.
LOGGED = {
    "d/loss": 1.261416244506836,
    "d/grad_norm": 2.095351219177246,
    "d/history": 0.004484793543815613,
    "g/loss": 0.6709803104400635,
    "g/grad_norm": 0.29630491733551023,
    "g/history": 0.003934653848409653,
}


@pytest.fixture
def run(tmp_path, monkeypatch, compilation_cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(compilation_cache))
    monkeypatch.chdir(EXPERIMENTS.parent)
    return Path(shutil.copytree(OLD, tmp_path / "run"))


def test_it_loads_samples_and_is_evaluated(run, capsys):
    gan = jaxgan.load(run)
    assert gan.step == 10
    assert gan.sample(jax.random.key(0), 4, labels=3).shape == (4, 8, 8, 1)
    assert main.main([f"--workdir={run}", "--mode=evaluate", "--n=20"]) == 0
    assert "sliced_wasserstein" in capsys.readouterr().out


def test_it_goes_on_to_what_it_would_have_come_to(run):
    assert main.main([*FLAGS, f"--workdir={run}"]) == 0
    before, after = (
        [json.loads(line)["step"] for line in path.read_text().splitlines()]
        for path in (OLD / "metrics.jsonl", run / "metrics.jsonl")
    )
    assert (before, after) == ([5, 10], [5, 10, 15, 20])
    last = log_lines(run)[-1]
    for name, value in LOGGED.items():
        # Bits are those of one machine; another rounds otherwise.
        np.testing.assert_allclose(last[name], value, rtol=1e-4, err_msg=name)
