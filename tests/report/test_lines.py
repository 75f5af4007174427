"""Logs as columns: read alike fast and line by line, up to what is whole."""

import json

import numpy as np
import pytest

from jaxgan.report import lines

LOG = (
    '{"step": 1, "d/loss": 1, "g/loss": 0.5}\n'
    '{"step": 2, "d/loss": NaN, "g/loss": -Infinity}\n'
    '{"step": 2, "eval/modes": 7}\n'
    '{"step": 3, "d/loss": 1.25}\n'
)


@pytest.fixture
def log(tmp_path):
    def read(text):
        path = tmp_path / "metrics.jsonl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return lines.read(path)

    return read


def pairs(series):
    return dict(zip(series.steps.tolist(), series.values.tolist(), strict=True))


# A line that Arrow does not take has it read line by line.
@pytest.mark.parametrize("more", ["", '{"step": 3, "word": "a", "of": {"x": 1}}\n'])
@pytest.mark.parametrize("broken", ["", "\x00\x00\n", '{"step": 9, "d/lo\n'])
def test_what_it_reads(log, more, broken):
    found = log(LOG + broken + more)
    assert list(found.series) == ["d/loss", "g/loss", "eval/modes"]
    d = pairs(found.series["d/loss"])
    assert (d[1], d[3]) == (1.0, 1.25)
    assert np.isnan(d[2])
    assert pairs(found.series["g/loss"]) == {1: 0.5, 2: -np.inf}
    assert pairs(found.series["eval/modes"]) == {2: 7.0}
    assert found.last == 3
    assert found.remark == ("1 lines of the log could not be read and are left out" * bool(broken))


def test_a_half_written_last_line(log):
    found = log(LOG + '{"step": 4, "d/loss": 0.12')
    assert found.last == 3
    assert len(found.series["d/loss"].steps) == 3
    assert found.remark == "the last line of the log is half-written: it is shown up to step 3"


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_none_yet(log, text, tmp_path):
    assert log(text).remark == "no log lines yet"
    assert lines.read(tmp_path / "elsewhere").remark == "no log lines yet"


def test_a_first_line_that_is_cut_off(log):
    found = log('{"step": 1, "d/lo')
    assert (found.count, found.series) == (0, {})
    assert "half-written" in found.remark


def test_a_metric_that_comes_late_and_many_blocks(log, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 4096)
    whole = [{"step": i, "a": i / 7} | ({"b": i} if i > 900 else {}) for i in range(1000)]
    found = log("".join(json.dumps(each) + "\n" for each in whole))
    assert found.remark == ""
    assert pairs(found.series["a"]) == {each["step"]: each["a"] for each in whole}
    assert pairs(found.series["b"]) == {i: float(i) for i in range(901, 1000)}


def test_steps_rise(log):
    found = log('{"step": 5, "a": 1.0}\n{"step": 3, "a": 2.0}\n')
    assert found.series["a"].steps.tolist() == [3, 5]
    assert found.series["a"].values.tolist() == [2.0, 1.0]
