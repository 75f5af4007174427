"""Which checkpoint is the best one; ``--mode=evaluate`` itself is tested with the command line."""

import json

import pytest

from jaxgan.run import checkpoint, judge


@pytest.mark.parametrize(("mode", "best"), [("min", 8), ("max", 4), (None, 8)])
def test_the_best_step_is_by_the_mode_of_the_config(tmp_path, monkeypatch, mode, best):
    stored = {} if mode is None else {"checkpoint": {"best_mode": mode}}
    (tmp_path / "config.json").write_text(json.dumps(stored))
    monkeypatch.setattr(checkpoint, "metrics", lambda _: {4: 3.0, 8: 1.0, 12: 2.0})
    monkeypatch.setattr(checkpoint, "steps", lambda _: [4, 8, 12])
    assert judge.best_step(tmp_path) == best
    assert judge.one_step(tmp_path, "best") == best
    assert judge.steps_to_evaluate(tmp_path, None) == {best: "best", 12: "final"}


def test_where_nothing_was_ranked_none_is_best(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(checkpoint, "metrics", lambda _: {})
    assert judge.best_step(tmp_path) is None
