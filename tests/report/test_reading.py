"""What runs and arms of a report are called."""

from pathlib import Path

import pytest

from jaxgan.report import reading


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["w/a/seed_0", "w/a/seed_1", "w/b/seed_0"], ["a/seed_0", "seed_1", "b/seed_0"]),
        (["w/a", "w/a"], ["a", "a"]),
        (["/x/a", "y/a"], ["x/a", None]),
        (["/"], ["/"]),
    ],
)
def test_a_folder_is_called_by_no_more_of_its_path_than_tells_it_apart(
    monkeypatch, tmp_path, folders, names
):
    monkeypatch.chdir(tmp_path)
    found = reading.named([Path(each) for each in folders])
    assert [f for f, n in zip(found, names, strict=True) if n] == [n for n in names if n]
    assert len(set(found)) == len(set(folders))


def test_an_arm_names_a_folder_of_its_runs_once():
    assert reading.joined(["a/seed_0", "a/seed_1", "a/seed_2"]) == "a/seed_0 + seed_1 + seed_2"
    assert reading.joined(["a/x", "b/x"]) == "a/x + b/x"
    assert reading.joined(["w: loss", "w: loss"]) == "w: loss"
    assert reading.joined([f"r/{i}" for i in range(5)]) == "r/0 + 1 + 2 and 2 more"
