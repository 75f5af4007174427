"""The command line: what it refuses, what it says beforehand, and a sweep from end to end."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from jaxgan import config
from jaxgan.base import files, terminal
from jaxgan.config import call_experiment
from jaxgan.run import run_folder
from jaxgan.sweep import Sweep, plan, runs, sweep_folder
from jaxgan.sweep.__main__ import run
from jaxgan.sweep.plan import on_one_device
from tests.conftest import EXPERIMENTS

SWEEP = """
from jaxgan import sweep
from gan_digits import get_config, get_smoke_config

def get_sweep():
    return sweep.Sweep({arms}, seeds={seeds}, together={together!r})
"""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """An experiment beside the repository's, with a sweep of its own."""
    # By its bytecode a file that is written anew within a second, of the same size, is the old one.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(arms="{'a': {}, 'b': {'method.loss': 'hinge'}}", seeds=1, more="", together=False):
        path = tmp_path / "mine.py"
        beside = f"import sys\nsys.path.insert(0, {str(EXPERIMENTS)!r})\n"
        path.write_text(beside + SWEEP.format(arms=arms, seeds=seeds, together=together) + more)
        return str(path)

    return make


def refusal(capsys, *arguments):
    code = terminal.answer(run, [str(each) for each in arguments])
    said = capsys.readouterr()
    assert code == 2, said
    assert said.err.count("\n") == 1
    assert said.err.startswith("error: ")
    return said.err


def test_flags_that_do_not_go_together(capsys, tmp_path):
    given = ("--config=x.py", f"--workdir={tmp_path}")
    for arguments, told in (
        ((), "--config=experiments/NAME.py is missing"),
        (("--config=x.py",), "--workdir=DIR is missing"),
        ((*given, "--typo=1"), "unknown flag --typo"),
        ((*given, "--executor=pbs"), "invalid choice: 'pbs'"),
        ((*given, "--max_parallel=-1"), "must be at least 1, not -1"),
        ((*given, "--slurm=partition=gpu"), "--slurm is for --executor=slurm"),
        ((*given, "--executor=slurm", "--slurm=gpu"), "NAME=VALUE, not 'gpu'"),
        ((*given, "--out=x.md"), "--out is for --summarize"),
        (("--summarize=x", "--out=gs://b/x.md"), "gs://b/x.md is an address"),
        (("--summarize=x", "--config=x.py"), "--summarize=DIR stands alone"),
    ):
        assert told in refusal(capsys, *arguments)


def test_an_arm_that_cannot_run_is_named_before_anything_begins(capsys, tmp_path, experiment):
    place = tmp_path / "w"
    for arms, told in (
        ("{'a': {}, 'b': {'method.los': 'hinge'}}", "arm 'b': unknown config field 'method.los'"),
        ("{'b': {'method.n_critic': 'two'}}", "arm 'b': config.method.n_critic"),
        ("{'a': {'experiment': 'other.py'}}", "arm 'a': unknown experiment"),
        ("{'a': {'method.techniques.pack': 7}}", "arm 'a': "),
        ("[('a', {}), ('a', {'steps': 2})]", "get_sweep(): two arms have the name 'a'"),
        ("{'a': {}, 'b': {'method.loss': 'non_saturating'}}", "arms 'a' and 'b' are one config"),
    ):
        given = (f"--config={experiment(arms)}", f"--workdir={place}", "--smoke")
        assert told in refusal(capsys, *given)
        assert not place.exists()


def test_an_experiment_that_says_something_else_now_is_no_sweep_to_go_on_with(
    capsys, tmp_path, experiment
):
    given = [f"--workdir={tmp_path / 'w'}", "--smoke", "--config.evaluation.every=0"]
    path = experiment("{'a': {}}")
    assert run([f"--config={path}", *given]) == 0
    capsys.readouterr()
    later = """
def get_smoke_config(before=get_smoke_config):
    config = before()
    config.method.latent_dim = 7
    return config
"""
    path = experiment("{'a': {}, 'b': {'method.loss': 'hinge'}}", more=later)
    assert "method.latent_dim was 64, now 7" in refusal(capsys, f"--config={path}", *given)
    assert (tmp_path / "w" / "a" / "seed_0.json").exists()


def test_seeds_are_set_by_the_sweep_alone(capsys, tmp_path, experiment):
    given = (f"--config={experiment()}", f"--workdir={tmp_path / 'w'}", "--smoke")
    for text in ("--config.seed=7", "--config.seeds=2"):
        assert "seeds and arms are those of get_sweep()" in refusal(capsys, *given, text)


def test_a_sweep_that_ends_the_process_is_an_error(capsys, tmp_path, experiment):
    path = experiment(more="\ndef get_sweep():\n    raise SystemExit(0)\n")
    assert "get_sweep(): SystemExit: 0" in refusal(
        capsys, f"--config={path}", f"--workdir={tmp_path / 'w'}"
    )


def test_experiments_without_a_sweep(capsys, tmp_path, experiment):
    given = [f"--workdir={tmp_path / 'w'}"]
    path = EXPERIMENTS / "dcgan_digits.py"
    assert "has no get_sweep()" in refusal(capsys, f"--config={path}", *given)
    path = experiment(more="\ndef get_sweep():\n    return {}\n")
    assert "must return a jaxgan.sweep.Sweep, not dict" in refusal(
        capsys, f"--config={path}", *given
    )


def test_a_machine_without_slurm(capsys, tmp_path, experiment, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    given = (f"--config={experiment()}", f"--workdir={tmp_path / 'w'}", "--smoke")
    assert "there is no sbatch on this machine" in refusal(capsys, *given, "--executor=slurm")
    assert not (tmp_path / "w").exists()


def test_two_processes_do_not_run_one_sweep(capsys, tmp_path, experiment):
    place = tmp_path / "w"
    place.mkdir()
    sweep_folder.claim(place, plan.make(experiment(), place, [], smoke=True).stored)
    with run_folder.locked(place):
        told = refusal(capsys, f"--config={experiment()}", f"--workdir={place}", "--smoke")
    assert f"{place} is in use by process {os.getpid()}" in told
    assert not (place / "a").exists()


def test_the_dry_run_says_what_it_takes_and_writes_nothing(capsys, tmp_path, experiment):
    given = [f"--config={experiment(seeds=3)}", f"--workdir={tmp_path / 'w'}", "--config.steps=7"]
    assert run([*given, "--smoke", "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "a (baseline): as it is; 7 steps" in said
    assert "b: method.loss=hinge; 7 steps" in said
    assert "2 arms with seeds 0, 1, 2, 6 in all, 0 of them finished" in said
    assert "steps: 42 in all" in said
    assert not (tmp_path / "w").exists()
    made = plan.make(given[0].partition("=")[2], tmp_path / "w", ["--config.steps=7"], smoke=True)
    for run_, code in zip(made.runs, (0, 3, 1), strict=False):
        run_.place.mkdir(parents=True)
        run_.end(code, 1.0)
    assert "6 in all, 1 of them finished" in plan.describe(made)


SHIPPED = sorted(p.stem for p in EXPERIMENTS.glob("*.py") if "def get_sweep" in p.read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_arm_of_a_shipped_sweep_can_be_built(name, tmp_path):
    path = str(EXPERIMENTS / f"{name}.py")
    found = call_experiment(path, "get_sweep", Sweep)
    # The digits have no parts of a split.
    arms = {
        arm: {field: value for field, value in fields.items() if field != "data.split"}
        for arm, fields in found.arms.items()
    }
    found = Sweep(arms, found.seeds, together=found.together)
    on_digits = ["--config.data.name=digits", "--config.data.split=train"]
    for each in runs.runs(found, tmp_path, path, on_digits, smoke=True):
        if each.seeds[0] == found.seeds[0]:
            settings = on_one_device(each)
            assert config.build(settings)
            assert settings.seeds == len(each.seeds)


def test_a_sweep_that_is_stopped_goes_on_to_its_table(tmp_path, experiment, capsys):
    place, path = tmp_path / "w", experiment()
    command = [sys.executable, "-m", "jaxgan.sweep", f"--config={path}", f"--workdir={place}"]
    command += ["--smoke", "--config.steps=400", "--config.checkpoint.every=200"]
    command += ["--config.evaluation.every=400"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        metrics = place / "a" / "seed_0" / "metrics.jsonl"
        until = time.monotonic() + 120
        while not metrics.exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate()
    assert process.returncode == 75
    assert not (place / "b").exists()
    done = subprocess.run(command, check=True, text=True, capture_output=True)
    assert done.stdout.count(": finished in") == 2
    assert "going on from step" in (place / "a" / "seed_0.log").read_text()
    lines = [json.loads(x) for x in metrics.read_text().splitlines()]
    steps = [line["step"] for line in lines if "d/loss" in line]
    assert steps == sorted(set(steps))
    assert steps[-1] == 400
    again = subprocess.run(command, check=True, text=True, capture_output=True)
    assert "finished in" not in again.stdout
    assert run([f"--summarize={place}", "--figures=sliced_wasserstein"]) == 0
    said = capsys.readouterr().out
    assert said.count("1 of 1") == 2
    assert "part report" in said


def test_seeds_together_come_to_the_same_table(tmp_path, experiment, capsys):
    tables = []
    for together in (False, True):
        place, path = tmp_path / str(together), experiment("{'a': {}}", 2, together=together)
        command = [f"--config={path}", f"--workdir={place}", "--smoke", "--config.sample.every=0"]
        assert run(command) == 0
        assert run([f"--summarize={place}", "--figures=sliced_wasserstein"]) == 0
        tables.append(capsys.readouterr().out.partition("| sliced")[2])
    row, other = (table.splitlines()[2].split("|") for table in tables)
    assert row[2].strip() == other[2].strip() == "2 of 2"
    mean, other = (float(cells[3].split("±")[0]) for cells in (row, other))
    assert mean == pytest.approx(other, rel=0.02)


NUMBERS = """{
    "a": {"method.g_optimizer.learning_rate": 1e-3},
    "hinge": {"method.loss": "hinge"},
    "R1": {"method.techniques.r1": 0.5},
    "b": {"method.g_optimizer.learning_rate": 4e-3},
    "R1 more": {"method.techniques.r1": 2},
}"""


def test_arms_that_differ_in_numbers_are_one_run(tmp_path, experiment, capsys):
    workdir, path = tmp_path / "w", experiment(NUMBERS, 2, together="arms")
    command = [f"--config={path}", f"--workdir={workdir}", "--smoke"]
    assert run([*command, "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "\nin one program: a; b\n" in said
    assert "\nin one program: R1; R1 more\n" in said
    assert "trained together, 3 in all" in said
    assert "not measured" not in said
    assert run([*command, "--dry_run", "--config.evaluation.every=0"]) == 0
    assert "\nnot measured at the end (evaluation.every=0): all arms\n" in capsys.readouterr().out
    made = plan.make(path, workdir, [], smoke=True)
    assert [run.arms for run in made.runs] == [("a", "b"), ("hinge",), ("R1", "R1 more")]
    parts = re.search("disk: (.*) for checkpoints", said)[1], sum(made.bytes.values())
    assert parts[0] == files.amount(parts[1])
    sweep_folder.claim(workdir, made.stored)
    lane = sweep_folder.places(workdir, made.stored)["R1 more"][1]
    assert lane == (workdir / "together_1" / "arm_1" / "seed_1", workdir / "together_1")
    arms = NUMBERS.replace("}", "}, 'c': {'method.d_optimizer.b1': 0.1}", 1)
    more = experiment(arms, 2, together="arms")
    told = refusal(capsys, f"--config={more}", f"--workdir={workdir}", "--smoke")
    assert "trained together were [['a', 'b'], ['R1', 'R1 more']], now [['a', 'c', 'b']," in told
    told = refusal(capsys, *command, "--config.arms=method.techniques.r1=1")
    assert "seeds and arms are those of get_sweep()" in told


def test_arms_that_share_what_is_no_number_of_the_method_are_one_run(tmp_path, experiment):
    shared = {"steps": 5, "method.loss": "hinge", "method.techniques.feature_matching_alone": True}
    shared |= {"method.techniques.feature_matching": 1.0}
    arms = {f"r1={x}": {**shared, "method.techniques.r1": x} for x in (0.5, 2.0)}
    made = plan.make(experiment(repr(arms), 1, together="arms"), tmp_path / "w", [], smoke=True)
    assert made.stored["pools"] == [list(arms)]


@pytest.mark.slow
def test_arms_together_come_to_the_same_table(tmp_path, experiment, capsys):
    tables = []
    for together in (False, "arms"):
        place, path = tmp_path / str(together), experiment(NUMBERS, 2, together=together)
        command = [f"--config={path}", f"--workdir={place}", "--smoke", "--config.sample.every=0"]
        assert run(command) == 0
        assert run([f"--summarize={place}", "--figures=sliced_wasserstein"]) == 0
        tables.append(capsys.readouterr().out.partition("| sliced")[2].splitlines()[2:7])
    for row, other in zip(*([line.split("|") for line in table] for table in tables), strict=True):
        assert row[1:3] == other[1:3]
        assert row[2].strip() == "2 of 2"
        mean, beside = (float(cells[3].split("±")[0]) for cells in (row, other))
        assert mean == pytest.approx(beside, rel=0.02)
    assert run(command) == 0
    assert "finished in" not in capsys.readouterr().out
