"""The folder of a sweep: where its runs lie, and whether it may hold another one."""

import json

import pytest

from jaxgan.base import errors
from jaxgan.sweep import sweep_folder
from tests.sweep.test_runs import made


def test_one_seed_together_is_a_run_by_itself(tmp_path):
    """Trained by itself, it has no folder of a lane to be looked for in."""
    (run, _), stored = made(tmp_path, seeds=(3,), together=True)
    found = sweep_folder.places(tmp_path / "w", stored)
    assert found["a"] == {3: (run.place, run.place)}
    pooled = sweep_folder.places(tmp_path / "w", {**stored, "pools": [["a", "b"]]})
    whole = tmp_path / "w" / "together_0"
    assert pooled["b"] == {3: (whole / "arm_1" / "seed_3", whole)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"arms": {"a": {}}}, "arm 'b' is gone"),
        (
            {"arms": {"a": {"steps": 1}, "b": {"method.loss": "hinge", "m.sizes": (1, 2)}}},
            "arm 'a'",
        ),
        ({"seeds": 1}, r"seeds \[1\] are gone"),
        ({"overrides": ["--config.batch_size=5"]}, "the fields set for all were {}, now"),
        ({"smoke": True}, "begun without --smoke"),
        ({"experiment": "y.py"}, "it is of x.py, not y.py"),
    ],
)
def test_a_folder_of_another_sweep(tmp_path, change, told):
    sweep_folder.claim(tmp_path / "w", made(tmp_path)[1])
    with pytest.raises(errors.UserError, match=f"holds another sweep: .*{told}"):
        sweep_folder.check(tmp_path / "w", made(tmp_path, **change)[1])


def test_a_sweep_may_grow(tmp_path):
    sweep_folder.check(tmp_path / "w", made(tmp_path)[1])  # there is no folder yet
    sweep_folder.claim(tmp_path / "w", made(tmp_path)[1])
    more = {"a": {}, "b": {"method.loss": "hinge", "m.sizes": (1, 2)}, "c": {"steps": 2}}
    longer = ["--config.steps=9"]
    sweep_folder.check(tmp_path / "w", made(tmp_path, arms=more, seeds=4, overrides=longer)[1])


def test_folders_that_hold_something_else(tmp_path):
    (tmp_path / "w").mkdir()
    sweep_folder.check(tmp_path / "w", made(tmp_path)[1])
    (tmp_path / "w" / "thesis.tex").touch()
    with pytest.raises(errors.UserError, match="not empty and holds no sweep"):
        sweep_folder.check(tmp_path / "w", made(tmp_path)[1])
    whole = made(tmp_path)[1]
    for wrong in ([1], {**whole, "arms": None}, {**whole, "seeds": 3}, {"arms": {}}):
        (tmp_path / "w" / "sweep.json").write_text(json.dumps(wrong))
        with pytest.raises(errors.UserError, match="cannot be read: it does not describe one"):
            sweep_folder.check(tmp_path / "w", whole)
