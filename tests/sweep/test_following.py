"""Executors: what ends, fails, is put back, is told to stop; with real processes, small ones."""

import dataclasses
import os
import time

import pytest
from tqdm import tqdm

from jaxgan.base import preemption
from jaxgan.run import run_folder
from jaxgan.sweep import following, local, slurm
from jaxgan.sweep.work import Work
from tests.sweep.conftest import DEAF, END, SAVED_ONCE, SAY, WAIT


@pytest.fixture(autouse=True)
def loggers_left_alone(monkeypatch):
    """Submitit sets up logging anew, and absl's handler then closes what pytest captures."""
    monkeypatch.setenv("SUBMITIT_LOG_LEVEL", "NOCONFIG")


def on_submitit(tmp_path):
    submitit = pytest.importorskip("submitit")
    executor = submitit.LocalExecutor(folder=tmp_path / "jobs")
    executor.update_parameters(timeout_min=1)
    return slurm.Slurm(lambda jobs: [executor.submit(job) for job in jobs], set)


@pytest.mark.parametrize("where", ["local", "submitit"])
def test_all_is_run_and_a_failure_stops_no_other(made, where, tmp_path, capsys):
    plan, arms, scripts = made
    scripts["a", "train"] = "import sys; print('error: no such data'); sys.exit(2)"
    executor = local.Local(2) if where == "local" else on_submitit(tmp_path)
    assert following.follow(plan, executor) == 1
    assert {arm: run.code() for arm, run in arms.items()} == {"a": 2, "b": 0, "c": 0}
    assert arms["b"].log.read_text() == "trained\ntrained\n"  # and then evaluated
    assert "no such data" in arms["a"].log.read_text()
    said = capsys.readouterr().out
    assert "a, seed 0: failed with exit code 2: error: no such data" in said
    assert "b, seed 0: finished" in said


def test_what_has_finished_is_not_run_again_and_what_failed_is(made):
    plan, arms, scripts = made
    scripts["a", "evaluate"] = SAY.format(1)
    scripts["b", "train"] = SAY.format(3)
    assert following.follow(plan, local.Local(3)) == 1
    assert {arm: run.code() for arm, run in arms.items()} == {"a": 1, "b": 3, "c": 0}
    scripts.clear()
    assert following.follow(plan, local.Local(3)) == 1
    # One that diverged would diverge again.
    assert {arm: run.code() for arm, run in arms.items()} == {"a": 0, "b": 3, "c": 0}
    assert arms["c"].log.read_text().count("trained") == 2
    assert arms["a"].log.read_text().count("trained") == 4


def test_a_run_that_goes_on_has_not_ended_meanwhile(made, monkeypatch):
    """Stopped before it has made the steps that were added, it is not told as finished."""
    plan, arms, _ = made
    arms["a"].ending.write_text('{"code": 0, "arguments": ["of fewer steps"]}')
    monkeypatch.setattr(preemption, "requested", lambda step: True)
    assert following.follow(plan, local.Local(1)) == preemption.EXIT_CODE
    assert not arms["a"].ending.exists()


def test_one_that_is_killed_is_told_so(made, capsys):
    plan, _, scripts = made
    scripts["a", "train"] = "import os; print('step 3', flush=True); os.kill(os.getpid(), 9)"
    assert following.follow(plan, local.Local(3)) == 1
    assert "a, seed 0: failed with exit code -9: killed by signal 9" in capsys.readouterr().out


def test_one_that_somebody_stops_goes_on(made, tmp_path):
    plan, arms, scripts = made
    flag = str(tmp_path / "saved")
    scripts["b", "train"] = SAVED_ONCE.format(flag)
    assert following.follow(plan, local.Local(1)) == 0
    assert arms["b"].code() == 0


def test_told_to_stop_all_save_and_none_begins(made, tmp_path, monkeypatch):
    plan, arms, scripts = made
    began = tmp_path / "began"
    scripts["a", "train"] = WAIT.format(str(began))
    monkeypatch.setattr(preemption, "requested", lambda step: began.exists())
    started = time.monotonic()
    assert following.follow(plan, local.Local(1)) == preemption.EXIT_CODE
    assert time.monotonic() - started < 30
    assert [run.code() for run in plan.runs] == [None] * 3
    assert not arms["b"].log.exists()


def test_one_that_had_been_trained_when_it_was_stopped_is_yet_to_be_measured(
    made, tmp_path, monkeypatch
):
    plan, arms, scripts = made
    began = tmp_path / "began"
    scripts["a", "train"] = END.format(str(began))
    monkeypatch.setattr(preemption, "requested", lambda step: began.exists())
    assert following.follow(plan, local.Local(1)) == preemption.EXIT_CODE
    assert arms["a"].code() is None
    assert arms["a"].log.read_text() == ""


def test_an_evaluation_is_ended_at_once_and_that_is_no_failure(made, tmp_path, monkeypatch, capsys):
    plan, arms, scripts = made
    began = tmp_path / "began"
    scripts["a", "evaluate"] = DEAF.format(str(began))
    monkeypatch.setattr(preemption, "requested", lambda step: began.exists())
    started = time.monotonic()
    assert following.follow(plan, local.Local(1)) == preemption.EXIT_CODE
    assert time.monotonic() - started < 30
    assert arms["a"].code() is None
    assert "failed" not in capsys.readouterr().out


def test_what_is_typed_at_the_terminal_reaches_runs_through_the_sweep_alone(made):
    plan, arms, scripts = made
    scripts["a", "train"] = "import os; print(os.getpgid(0))"
    assert following.follow(plan, local.Local(3)) == 0
    assert int(arms["a"].log.read_text().split()[0]) != os.getpgid(0)


def test_what_has_no_evaluation_is_not_measured(made):
    plan, arms, _ = made
    plan.measured["b"] = False
    assert list(following.work_of(plan, arms["a"]).commands) == ["train", "evaluate"]
    assert list(following.work_of(plan, arms["b"]).commands) == ["train"]


def test_progress_counts_what_ended_whole_and_what_runs_by_its_log(made):
    plan, arms, _ = made
    (arms["c"].place / "metrics.jsonl").write_text('{"step": 4}\n')
    assert following.done(plan, [0, 3, None]) == 24
    arms["a"].end(0, 1.0)
    arms["b"].end(3, 1.0)
    with tqdm(total=30, disable=True) as bar:
        told = []
        bar.set_postfix_str = lambda text, refresh: told.append(text)
        following.show(bar, plan)
    assert told == ["1 of 3 runs finished, 1 failed"]


def test_one_that_is_trained_elsewhere_takes_a_place(made):
    plan, arms, _ = made
    executor = local.Local(1)
    with run_folder.locked(arms["c"].place):
        executor.add(Work(run, {"train": run.command("train")}) for run in plan.runs)
        assert executor.advance() == []
        assert executor.going == []
    executor.advance()
    assert [work.run.arm for work in executor.going] == ["a"]
    executor.stop()
    executor.going[0].wait()


def test_one_that_is_trained_elsewhere_is_waited_for(made):
    plan, arms, _ = made
    executor = local.Local(3)
    with run_folder.locked(arms["a"].place):
        executor.add(Work(run, {"train": run.command("train")}) for run in plan.runs)
        ended = []
        while len(ended) < 2:
            ended += executor.advance()
            time.sleep(0.02)
        assert sorted(each.run.arm for each in ended) == ["b", "c"]
        assert executor.busy
    while executor.busy:
        ended += executor.advance()
        time.sleep(0.02)
    assert ended[-1].run.arm == "a"


def test_the_last_step_is_that_of_the_last_whole_line(made):
    run = made[0].runs[0]
    assert following.last_step(run) == 0
    (run.place / "metrics.jsonl").write_text('{"step": 5}\n{"step": 10}\n{"st')
    assert following.last_step(run) == 10


def test_the_last_step_of_several_lanes_is_that_of_the_first(made):
    run = made[0].runs[0]
    for names, lane in ((("a",), "seed_3"), (("a", "b"), "arm_0/seed_3")):
        several = dataclasses.replace(run, arms=names, seeds=(3, 4))
        assert following.last_step(several) == 0
        (run.place / lane).mkdir(parents=True)
        (run.place / lane / "metrics.jsonl").write_text('{"step": 6}\n')
        assert following.last_step(several) == 6
