"""A run on Weights & Biases, offline: what is kept there is what is in the run's folder."""

import json
import time

import numpy as np
import pytest

from jaxgan import main
from jaxgan.base.errors import UserError
from jaxgan.watch import log, wandb
from tests.conftest import EXPERIMENTS, log_lines, smoke

api = pytest.importorskip("wandb")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test may ask who logs, or find a key of whoever runs it."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def stored(log):
    """The records of a .wandb file: after 7 bytes, LevelDB's log, in blocks of 32 KiB."""
    at, whole = 7, b""
    while at + 7 <= len(log):
        if (left := 2**15 - at % 2**15) < 7:
            at += left
            continue
        length, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        whole += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # it is whole, or this was its last part
            yield whole
            whole = b""


def ended(path, parse):
    """The records of a run that is over; another process writes them, and may not have yet."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = [parse(data) for data in stored(path.read_bytes())]
        if found and found[-1].WhichOneof("record_type") == "exit":
            return found
        time.sleep(0.05)
    raise AssertionError(f"no end of it in {path}")


def records(workdir):
    """What each start of a run has kept: the steps with their numbers, and the run's own record."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for path in sorted(
        workdir.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime_ns
    ):
        steps, own = {}, None
        for record in ended(path, Record.FromString):
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                row = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items}
                steps.setdefault(row.pop("_step"), {}).update(row)
            elif record.WhichOneof("record_type") == "run":
                own = record.run
        found.append((steps, own))
    return found


def test_a_run_that_goes_on_has_its_numbers_and_pictures(tmp_path, capsys):
    workdir = tmp_path / "run"
    begin = [f"--config={EXPERIMENTS / 'gan_digits.py'}", f"--workdir={workdir}", "--smoke"]
    begin += ["--config.log.wandb=team/gans", "--config.log.tensorboard=False"]
    assert main.main(begin) == 0
    assert "Weights & Biases: " in capsys.readouterr().out
    assert main.main([*begin, "--config.steps=30"]) == 0
    first, second = records(workdir)
    both = [*first[0].items(), *second[0].items()]
    told = {step: {k: v for k, v in row.items() if k[0] != "_"} for step, row in both}
    shown = {step for step, row in told.items() if "samples/filenames" in row}
    told = {n: {k: v for k, v in row.items() if "samples/" not in k} for n, row in told.items()}
    lines = {}
    for line in log_lines(workdir, timings=True):
        lines.setdefault(line.pop("step"), {}).update(line)
    assert {step: row for step, row in told.items() if row} == lines
    assert shown == {0, 10, 20, 30}
    assert [own.run_id for _, own in (first, second)] == [
        (workdir / "wandb/run_id").read_text()
    ] * 2
    assert (first[1].entity, first[1].project) == ("team", "gans")
    assert first[1].display_name.endswith("/run")
    config = {item.key: json.loads(item.value_json) for item in first[1].config.update}
    assert config["method"]["g_optimizer"]["b2"] == 0.999


def test_each_seed_is_a_run(tmp_path):
    settings = smoke("gan_digits", "log.wandb=gans")
    logs = [log.Log(tmp_path / name / "metrics.jsonl", 10, 1) for name in ("seed_0", "seed_1")]
    for each in logs:
        each.path.parent.mkdir()
        each.open_trackers(each.path.parent, settings, 0)
    for i, each in enumerate(logs):
        each.write(5, {"d/loss": float(i)})
    for each in logs:
        each.close()
    for i, each in enumerate(logs):
        ((steps, own),) = records(each.path.parent)
        assert steps[5]["d/loss"] == i
        assert own.display_name.endswith(f"seed_{i}")


@pytest.mark.parametrize("broken", ["init", "log", "finish"])
def test_it_is_given_up_once(tmp_path, monkeypatch, capsys, broken):
    def fail(*args, **kwargs):
        raise api.errors.CommError("no such host")

    owner = api if broken == "init" else api.Run
    monkeypatch.setattr(owner, broken, fail)
    writer = log.Log(tmp_path / "metrics.jsonl", 10, 1)
    writer.open_trackers(tmp_path, smoke("gan_digits", "log.wandb=gans"), 0)
    writer.write(1, {"x": 1.0})
    writer.picture(1, np.zeros((2, 2, 3), np.uint8))
    writer.close()
    told = "Weights & Biases: no such host; the run goes on without Weights & Biases"
    assert told in capsys.readouterr().err.splitlines()
    assert log_lines(tmp_path) == [{"step": 1, "x": 1.0}]


@pytest.mark.parametrize(
    ("project", "told"),
    [
        ("a/b/c", "config.log.wandb is PROJECT or ENTITY/PROJECT, not 'a/b/c'"),
        ("a/", "config.log.wandb is PROJECT or ENTITY/PROJECT, not 'a/'"),
        ("a#b", "config.log.wandb is PROJECT or ENTITY/PROJECT, not 'a#b'"),
        ("gans", "config.log.wandb: no API key; wandb login, or WANDB_MODE=offline"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_written(
    tmp_path, monkeypatch, capsys, project, told
):
    monkeypatch.delenv("WANDB_MODE")
    begin = [f"--config={EXPERIMENTS / 'gan_digits.py'}", f"--workdir={tmp_path / 'run'}"]
    assert main.main([*begin, f"--config.log.wandb={project}"]) == 2
    assert capsys.readouterr().err.splitlines() == [f"error: {told}"]
    assert not (tmp_path / "run").exists()


def test_a_mode_that_wandb_has_not(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    with pytest.raises(UserError, match="unknown WANDB_MODE 'ofline'; did you mean 'offline'"):
        wandb.check(smoke("gan_digits", "log.wandb=gans"))


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(wandb.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install 'jaxgan\\[wandb\\]'"):
        wandb.check(smoke("gan_digits", "log.wandb=gans"))
