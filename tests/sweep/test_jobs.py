"""Jobs of SLURM, without one: put back, gone, taken back."""

import sys
import time

import pytest

from jaxgan.base import preemption
from jaxgan.sweep import following, slurm
from tests.sweep.conftest import SAVED_ONCE, SAY, WAIT


def test_a_job_that_was_told_to_save_and_not_ended_goes_on_where_it_is(made, monkeypatch, tmp_path):
    """One that is preempted must not tell that it has ended: SLURM begins it anew itself."""
    plan, arms, scripts = made
    monkeypatch.setattr(slurm, "GRACE", 0.1)
    flag = str(tmp_path / "saved")
    scripts["a", "train"] = SAVED_ONCE.format(flag)
    assert slurm.Job(following.work_of(plan, arms["a"]))() == 0
    assert arms["a"].log.read_text().count("trained") == 1  # by the evaluation


def test_a_job_that_is_put_back_begins_where_it_was(made):
    pytest.importorskip("submitit")
    plan, arms, scripts = made
    began = arms["a"].place.with_name("began")
    scripts["a", "train"] = WAIT.format(str(began))
    scripts["a", "evaluate"] = "import time; time.sleep(60)"
    job = slurm.Job(following.work_of(plan, arms["a"]))
    given = dict(job.work.commands)
    assert job.work.advance() is None
    while not began.exists():
        time.sleep(0.02)
    again = job.checkpoint().function
    assert job.work.advance() == preemption.EXIT_CODE
    assert list(again.work.commands.items()) == list(given.items())
    again.work.commands["train"] = [sys.executable, "-c", SAY.format(0)]
    while again.work.current is None or again.work.current[0] == "train":
        assert again.work.advance() is None
        time.sleep(0.02)
    assert again.checkpoint().function.work.commands == {"evaluate": given["evaluate"]}


def test_a_job_that_is_gone_without_a_result_has_failed(made, monkeypatch, tmp_path):
    """Two looks at the queue have to miss it: its result may come a moment later than its end."""
    plan, arms, _ = made
    monkeypatch.setattr(slurm, "LOOK", 0.0)

    class Lost:
        job_id, paths = "4_1", type("Paths", (), {"result_pickle": tmp_path / "none"})

        def done(self):
            return False

    queue = {"4_1"}
    executor = slurm.Slurm(lambda jobs: [Lost()], lambda: queue)
    executor.add([following.work_of(plan, arms["a"])])
    assert executor.advance() == []
    queue.clear()
    assert executor.advance() == []
    queue.add("4_1")
    assert executor.advance() == []
    queue.clear()
    assert executor.advance() == []
    (ended,) = executor.advance()
    assert (ended.run, ended.code) == (arms["a"], 1)
    assert not executor.busy


def test_told_to_stop_jobs_are_taken_back(made):
    plan, arms, _ = made
    cancelled = []

    class Waiting:
        job_id = "4_1"

        def cancel(self, check):
            cancelled.append(check)

    executor = slurm.Slurm(lambda jobs: [Waiting()], lambda: {"4_1"})
    executor.add([following.work_of(plan, arms["a"])])
    executor.stop()
    assert cancelled == [False]  # one that has just ended is no error
    assert not executor.busy
