"""The table, from folders written by hand: figures worked out apart, and every run counted."""

import csv
import json
import os
import shutil
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import stats

from jaxgan.base import errors
from jaxgan.sweep import statistics, summary

PROTOCOL = {"metrics": {"frechet": "1"}, "data": "digits", "part": "report", "n_generated": 10}
VALUES = {"a": [3.0, 4.0, 6.0], "b, c": [2.5, 3.0, 4.4]}


def result(value, role="final and best", **protocol):
    figures = {"frechet": {"value": value}, "recall": {"value": value / 10}}
    return {"figures": figures, "checkpoint": role, "protocol": {**PROTOCOL, **protocol}}


def run(folder, code=0, results=(), log=()):
    (folder / "evaluation").mkdir(parents=True)
    for i, each in enumerate(results):
        (folder / "evaluation" / f"{i}.json").write_text(json.dumps(each))
    lines = "".join(json.dumps(line) + "\n" for line in log)
    (folder / "metrics.jsonl").write_text(lines + '{"step": 9, "alarm/collapse": ')  # cut off
    if code is not None:
        folder.with_name(folder.name + ".json").write_text(json.dumps({"code": code}))


@pytest.fixture
def sweep(tmp_path):
    stored = {"experiment": "x/y.py", "baseline": "a", "seeds": [0, 1, 2], "overrides": {}}
    stored["arms"] = {"a": {}, "b, c": {"steps": 1}, "d": {"steps": 2}}
    (tmp_path / "sweep.json").write_text(json.dumps(stored))
    for arm, folder in (("a", "a"), ("b, c", "b_c")):
        for seed, value in enumerate(VALUES[arm]):
            run(tmp_path / folder / f"seed_{seed}", results=[result(value)])
    on, off = {"step": 1, "alarm/collapse": 1.0}, {"step": 2, "alarm/collapse": 0.0}
    run(tmp_path / "d" / "seed_0", code=3, log=[on])
    run(tmp_path / "d" / "seed_1", results=[result(9.0)], log=[on, off, on])
    run(tmp_path / "d" / "seed_2", code=None, log=[on, off])
    return tmp_path


def rows(path, figure="frechet"):
    with path.open() as file:
        return {row["arm"]: row for row in csv.DictReader(file) if row["figure"] == figure}


def test_figures_and_counts(sweep):
    out = sweep / "table.csv"
    assert summary.summarize(sweep, None, str(out)) == str(out)
    found = rows(out)
    paired = np.subtract(VALUES["b, c"], VALUES["a"])
    interval = stats.ttest_1samp(paired, 0.0).confidence_interval(0.95)
    row = found["b, c"]
    assert float(row["final"]) == pytest.approx(3.3)
    assert float(row["difference"]) == pytest.approx(paired.mean())
    assert float(row["difference"]) + float(row["difference_half"]) == pytest.approx(interval.high)
    assert found["a"]["difference"] == ""
    counts = ("runs", "finished", "diverged", "failed", "unfinished", "collapsed")
    assert [int(found["d"][name]) for name in counts] == [3, 1, 1, 0, 1, 2]
    assert [int(found["a"][name]) for name in counts] == [3, 3, 0, 0, 0, 0]
    assert int(row["seeds"]) == statistics.seeds_needed(paired)
    assert found["a"]["seeds"] == ""
    assert float(found["d"]["difference"]) == 5.0  # of seed 1 alone
    assert found["d"]["difference_half"] == ""


def test_the_baseline_need_not_be_the_first(sweep):
    stored = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps({**stored, "baseline": "b, c"}))
    out = sweep / "table.csv"
    summary.summarize(sweep, None, str(out))
    found = rows(out)
    assert float(found["a"]["difference"]) == pytest.approx(np.mean(VALUES["a"]) - 3.3)
    assert found["b, c"]["difference"] == ""


def test_a_run_whose_folder_is_gone_has_not_finished(sweep):
    shutil.rmtree(sweep / "a" / "seed_1")
    out = sweep / "table.csv"
    summary.summarize(sweep, None, str(out))
    found = rows(out)["a"]
    assert [int(found[name]) for name in ("runs", "finished", "unfinished")] == [3, 2, 1]


def test_seeds_that_were_trained_together(sweep):
    """Their arm has one ending; one that diverged while others went on says so in its log."""
    for seed in range(3):
        (sweep / "b_c" / f"seed_{seed}.json").unlink()
    for arm in ("a", "b_c"):
        (sweep / f"{arm}.json").write_text(json.dumps({"code": 0}))
    stored = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps({**stored, "together": True}))
    line = {"step": 7, "diverged": 1.0}
    (sweep / "b_c" / "seed_1" / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    out = sweep / "table.csv"
    summary.summarize(sweep, None, str(out))
    found = rows(out)["b, c"]
    assert [int(found[name]) for name in ("finished", "diverged")] == [2, 1]
    assert float(found["final"]) == pytest.approx((2.5 + 4.4) / 2)


def test_numbers_as_they_are_read():
    given = ([1.0, 2.0, 3.0], [0.1] * 3, [7.0], [])
    told = ["2.0 ± 2.5", "0.1000 ± 0.0000", "7", ""]
    assert [summary.written(statistics.interval(x)) for x in given] == told


def test_documents(sweep):
    text = summary.summarize(sweep, ["frechet"], None)
    assert "| b, c      | 3 of 3" in text
    assert "1 of 3, 1 diverged, 1 unfinished, 2 collapsed" in text
    assert "recall" not in text
    assert "seeds 0, 1, 2, baseline: a" in text
    assert "data digits, part report, n_generated 10" in text
    summary.summarize(sweep, ["recall"], str(sweep / "table.tex"))
    tex = (sweep / "table.tex").read_text()
    assert r"\toprule" in tex
    assert "0.43 ± 0.38" in tex


class Page(HTMLParser):
    """The rows of a page, and how its elements are nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.headings = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        assert not any(name in ("src", "href") for name, _ in attributes)  # it stands by itself
        self.rows += [[]] if tag == "tr" else []
        self.open += [tag] if tag != "meta" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["h1"]:
            self.headings.append(data)
        if self.open[-1:] in (["td"], ["th"]) and data.strip():
            self.rows[-1].append(data.strip())


def test_a_page(sweep):
    stored = json.loads((sweep / "sweep.json").read_text())
    arms = {"a <script>" if arm == "a" else arm: of for arm, of in stored["arms"].items()}
    text = json.dumps({**stored, "arms": arms, "baseline": "a <script>"})
    (sweep / "sweep.json").write_text(text)
    (sweep / "a").rename(sweep / "a_script")
    summary.summarize(sweep, ["frechet"], str(sweep / "table.html"))
    page = Page((sweep / "table.html").read_text())
    assert page.headings == ["y.py"]
    assert page.open == []
    assert page.rows[0] == ["frechet", "runs", "final", "best", "difference", "seeds"]
    assert page.rows[1][:2] == ["a <script>", "3 of 3"]
    assert page.rows[2][:2] == ["b, c", "3 of 3"]
    assert len(page.rows) == 4


def test_the_best_checkpoint_apart(sweep):
    run(sweep / "e", results=[])
    folder = sweep / "a" / "seed_0" / "evaluation"
    (folder / "0.json").write_text(json.dumps(result(3.0, "final")))
    (folder / "1.json").write_text(json.dumps(result(1.0, "best")))
    out = sweep / "table.csv"
    summary.summarize(sweep, None, str(out))
    found = rows(out)["a"]
    assert float(found["final"]) == pytest.approx(13 / 3)
    assert float(found["best"]) == pytest.approx(11 / 3)
    folder = sweep / "b_c" / "seed_0" / "evaluation"
    (folder / "0.json").write_text(json.dumps(result(2.5, "final")))
    (folder / "1.json").write_text(json.dumps(result(0.5, "best")))
    summary.summarize(sweep, None, str(out))
    paired = np.mean(np.subtract(VALUES["b, c"], VALUES["a"]))
    assert float(rows(out)["b, c"]["difference"]) == pytest.approx(paired)  # of the final ones


def test_other_protocols_are_refused_unless_asked_for(sweep):
    folder = sweep / "b_c" / "seed_1" / "evaluation"
    (folder / "0.json").write_text(json.dumps(result(3.0, n_generated=20)))
    with pytest.raises(errors.UserError, match=r"n_generated is 10 in .*, 20 in .*--despite=n_gen"):
        summary.summarize(sweep, None, None)
    assert "3 of 3" in summary.summarize(sweep, None, None, ["n_generated"])
    # Measured once more, as the others: those results are taken.
    (folder / "1.json").write_text(json.dumps(result(3.0)))
    assert "3 of 3" in summary.summarize(sweep, None, None)


def test_what_was_measured_last_is_taken(sweep):
    """Of one protocol, and of those by which all were measured."""
    place = sweep / "b_c" / "seed_0" / "evaluation"
    for name, value, age in (("0.json", 2.5, 20), ("z.json", 7.0, 30), ("b.json", 5.5, 10)):
        (place / name).write_text(json.dumps(result(value)))
        os.utime(place / name, (time.time() - age,) * 2)
    out = sweep / "table.csv"
    summary.summarize(sweep, None, str(out))
    assert float(rows(out)["b, c"]["final"]) == pytest.approx((5.5 + 3.0 + 4.4) / 3)
    for folder in sweep.glob("*/seed_*/evaluation"):
        if (folder / "0.json").exists():
            (folder / "more.json").write_text(json.dumps(result(8.0, n_generated=20)))
    summary.summarize(sweep, None, str(out))
    assert {row["final"] for row in rows(out).values()} == {"8.0"}


def test_results_of_the_select_part_are_not_taken(sweep):
    """Every run has some, of its training; the newest, where it has been trained since."""
    for folder in sweep.glob("*/seed_*/evaluation"):
        (folder / "9.json").write_text(json.dumps(result(0.0, part="select")))
    text = summary.summarize(sweep, ["frechet"], None)
    assert "3.3" in text
    assert "part report" in text


def test_what_there_is_no_table_of(sweep, tmp_path_factory):
    with pytest.raises(errors.UserError, match=r"unknown figure 'fid'"):
        summary.summarize(sweep, ["fid"], None)
    with pytest.raises(errors.UserError, match=r"must end in \.md, \.tex, \.html or \.csv"):
        summary.summarize(sweep, None, "table.xlsx")
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(errors.UserError, match="is not the folder of a sweep"):
        summary.summarize(empty, None, None)
    (empty / "sweep.json").write_text((sweep / "sweep.json").read_text())
    with pytest.raises(errors.UserError, match=r"nothing in .* has been measured yet"):
        summary.summarize(empty, None, None)
