"""Runs: in which order, and by which command."""

import pytest

from jaxgan.base import errors
from jaxgan.sweep import Sweep, runs, sweep_folder


def made(
    tmp_path, arms=None, seeds=2, overrides=(), smoke=False, experiment="x.py", together=False
):
    arms = arms or {"a": {}, "b": {"method.loss": "hinge", "m.sizes": (1, 2)}}
    sweep = Sweep(arms, seeds, together=together)
    path = str(tmp_path / experiment)
    found = runs.runs(sweep, tmp_path / "w", path, overrides, smoke=smoke)
    return found, sweep_folder.describe(sweep, path, overrides, smoke=smoke)


def test_first_seeds_come_first_and_arms_over_what_is_common(tmp_path):
    found, _ = made(tmp_path, overrides=["--config.steps=5"], smoke=True)
    assert [(run.arm, run.seeds[0]) for run in found] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert found[3].arguments == (
        f"--config={tmp_path / 'x.py'}",
        *("--smoke", "--config.steps=5", "--config.method.loss=hinge"),
        *("--config.m.sizes=(1, 2)", "--config.seed=1"),
    )
    assert found[3].command("train")[3:] == [
        *("--mode=train", f"--workdir={tmp_path / 'w' / 'b' / 'seed_1'}"),
        *found[3].arguments,
    ]
    assert found[3].command("evaluate")[3:] == ["--mode=evaluate", f"--workdir={found[3].place}"]


def test_seeds_together_are_one_run_in_the_folder_of_their_arm(tmp_path):
    found, _ = made(tmp_path, seeds=(3, 4, 5), together=True)
    assert [run.name for run in found] == ["a, seeds 3 to 5", "b, seeds 3 to 5"]
    assert found[0].place == tmp_path / "w" / "a"
    assert found[0].arguments[-2:] == ("--config.seed=3", "--config.seeds=3")
    with pytest.raises(ValueError, match="consecutive"):
        Sweep({"a": {}}, (1, 3), together=True)
    sweep_folder.claim(tmp_path / "w", made(tmp_path, together=True)[1])
    for change, told in (({}, "its seeds were trained"), ({"together": True, "seeds": 3}, "were ")):
        with pytest.raises(errors.UserError, match=f"holds another sweep: .*{told}"):
            sweep_folder.check(tmp_path / "w", made(tmp_path, **change)[1])


def test_arms_in_one_program_set_their_own_numbers_and_share_the_rest(tmp_path):
    """In their order: the lanes of an arm are found by its place in it."""
    shared = {"method.loss": "hinge", "method.flag": True, "steps": 5}
    arms = {"z": {**shared, "method.r1": 0.5, "method.b1": 0.2}, "a": {**shared, "method.r1": 2}}
    common = ["--config.method.r2=7", "--config.method.b1=0.2"]  # one of them z's own, too
    found, _ = made(tmp_path, arms, 2, common, together="arms")
    run = runs.pooled(Sweep(arms, 2, together="arms"), tmp_path / "w", found, 4)
    assert run.arms == ("z", "a")
    assert run.place == tmp_path / "w" / "together_4"
    assert run.arguments == (
        f"--config={tmp_path / 'x.py'}",
        *common,
        *("--config.method.loss=hinge", "--config.method.flag=True", "--config.steps=5"),
        *("--config.seed=0", "--config.seeds=2"),
        "--config.arms=('method.r1=0.5 method.b1=0.2', 'method.r1=2')",
    )


def test_an_arm_may_be_another_experiment(tmp_path):
    found, _ = made(tmp_path, arms={"A": {"experiment": "other.py", "steps": 3}}, seeds=1)
    assert found[0].arguments == (
        *(f"--config={tmp_path / 'other.py'}", "--config.steps=3", "--config.seed=0"),
    )


def test_an_ending_is_of_the_arguments_that_it_was_written_under(tmp_path):
    run = made(tmp_path)[0][0]
    assert run.code() is None
    run.end(0, 1.0)
    assert run.code() is None  # its folder is gone
    run.place.mkdir(parents=True)
    assert run.code() == 0
    other = made(tmp_path, overrides=["--config.steps=9"])[0][0]
    assert other.code() is None  # it goes on, for more steps
    for text in ("{", "[]", "null"):
        run.ending.write_text(text)
        assert run.code() is None


def test_the_reason_is_the_last_thing_that_it_said_of_it(tmp_path):
    run = made(tmp_path)[0][0]
    assert run.reason() == ""
    run.log.parent.mkdir(parents=True)
    run.log.write_text("step 1\nerror: no data\nwarning: something\n\n")
    assert run.reason() == "error: no data"
    run.log.write_text("step 1\nSegmentation fault\n\n")
    assert run.reason() == "Segmentation fault"
