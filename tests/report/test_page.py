"""The page, against the logs and results it is made of; read by a parser of HTML."""

import json

import pytest

from jaxgan.base import errors
from jaxgan.report import page
from tests.report.made import Parts, line, result, run

NASTY = """<script>alert("1")</script>&amp;'"""


def parts(*workdirs):
    return Parts(page.render(workdirs))


@pytest.fixture
def two(tmp_path):
    log = [line(10, 2.0), line(20, 1.0), {"step": 20, "alarm/collapse": 1.0}, line(40, -3.5)]
    a = run(tmp_path / "a", log, pictures=(0, 40), results=[result(3.0), result(2.0, "best", 20)])
    b = run(tmp_path / "b", [line(10, 7.0)], results=[result(5.0)], method={"loss": "hinge"})
    return a, b


def test_what_it_tells_of_two_runs(two):
    found = parts(*two)
    curves = found.curves
    assert set(curves) == {"d/loss", "time/steps_per_second"}
    assert curves["d/loss"] == [
        {"arm": 0, "steps": [10, 20, 40], "mean": [2.0, 1.0, -3.5]},
        {"arm": 1, "steps": [10], "mean": [7.0]},
    ]
    runs = found.table("run")
    assert runs["a"]["state"] == "finished, 40 steps"
    assert runs["a"]["time"] == "0:20"
    assert runs["b"]["state"] == "step 10 of 40"
    assert (runs["a"]["hardware"], runs["a"]["software"]) == ("cpu", "jax 0.10.2")
    assert found.table("field")["method.loss"] == {"a": "–", "b": "hinge"}
    assert found.table("figure")["frechet"] == {
        "floor (real to real)": "0.25",
        "a, final (step 40)": "3",
        "a, best (step 20)": "2",
        "b, final (step 40)": "5",
    }
    alarm = next(each for each in found.tables if each[0][:2] == ["run", "alarm"])[1]
    assert alarm[:3] == ["a", "collapse", "from 20 on"]
    assert alarm[3].startswith("Samples are more alike")
    values = next(each for each in found.tables if each[0][:2] == ["run", "last"])
    assert values[1][:6] == ["a", "-3.5", "-3.5", "40", "2", "10"]
    assert [image["data-step"] for image in found.images] == ["0", "40"]
    # It needs no other file, and no network.
    assert all(address.startswith(("data:", "#")) for address in found.addresses)


def test_hardware_is_what_the_run_stored(tmp_path):
    hardware = {"platform": "gpu", "kind": "H200", "devices": 2, "processes": 1, "cores": 16}
    found = parts(run(tmp_path / "a", hardware=hardware))
    assert found.table("run")["a"]["hardware"] == "2 × H200 (gpu), 16 cores"
    assert "hardware.kind" not in found.table("field")


def test_seeds_of_an_arm_are_a_band(tmp_path):
    places = [run(tmp_path / f"r{i}", [line(10, v)], seed=i) for i, v in enumerate((1, 2, 6))]
    found = parts(*places)
    assert found.curves["d/loss"] == [
        {"arm": 0, "steps": [10], "mean": [3.0], "low": [1.0], "high": [6.0]}
    ]
    assert found.table("run")["r0 + r1 + r2"]["seeds"] == "0 to 2"
    # A copy of a run is not another seed.
    again = run(tmp_path / "copy", [line(10, 1)], seed=0)
    assert len(parts(*places, again).curves["d/loss"]) == 2


def test_lanes_and_arms_of_one_program(tmp_path):
    whole = run(tmp_path / "w", seeds=2, arms=["method.x=1", "method.x=2"])
    for arm in (0, 1):
        for seed in (0, 1):
            log = [line(10, 10 * arm + seed)]
            run(whole / f"arm_{arm}" / f"seed_{seed}", log, seed=seed, method={"x": arm + 1})
    found = parts(whole)
    assert [(c["low"], c["high"]) for c in found.curves["d/loss"]] == [([0], [1]), ([10], [11])]
    assert list(found.table("run")) == ["w: method.x=1", "w: method.x=2"]
    assert parts(whole / "arm_1" / "seed_0").curves["d/loss"][0]["mean"] == [10.0]


@pytest.fixture
def sweep(tmp_path):
    stored = {"experiment": "x/y.py", "baseline": "a", "seeds": [0, 1], "overrides": {}}
    stored["arms"] = {"a": {}, NASTY: {"steps": 1}}
    (tmp_path / "sweep.json").write_text(json.dumps(stored))
    return tmp_path


def test_a_sweep(sweep):
    with pytest.raises(errors.UserError, match=r"no run of the sweep in .* has begun yet"):
        parts(sweep)
    for seed in (0, 1):
        place = sweep / "a" / f"seed_{seed}"
        run(place, [line(10, seed)], seed=seed)
    assert "has been measured yet" in " ".join(parts(sweep).text)
    for seed in (0, 1):
        run(sweep / "a" / f"seed_{seed}", seed=seed, results=[result(3.0 + seed)])
        (sweep / "a" / f"seed_{seed}.json").write_text('{"code": 0}')
    text = page.render([sweep])
    table = Parts(text).table("frechet")
    assert table["a"]["final"] == "3.5 ± 6.4"
    assert table["a"]["runs"] == "2 of 2"
    assert NASTY in table
    assert NASTY not in text


def test_names_are_escaped(tmp_path):
    config = {"experiment": f"x/{NASTY}.py", "dataset": {"classes": [NASTY, "b"]}}
    log = [{"step": 10, f"d/{NASTY}": 1.0, f"alarm/{NASTY}": 1.0}]
    place = run(tmp_path / "<b>a&b", log, results=[result(1.0, data=NASTY)], **config)
    run(tmp_path / "c", log, method={"loss": NASTY})
    text = page.render([place, tmp_path / "c"])
    assert NASTY not in text
    assert "<b>a" not in text
    found = Parts(text)
    assert f"d/{NASTY}" in found.curves
    assert "<b>a&b" in found.table("run")
    assert found.table("field")["dataset.classes"]["<b>a&b"] == f"{NASTY}, b"


def test_what_cannot_be_read_is_said(tmp_path):
    place = run(tmp_path / "a", [line(10)], '{"step": 20, "d/lo', pictures=(0, 10))
    (place / "samples" / "step_00000010.png").write_bytes(b"\x89PNG")
    (place / "evaluation" / "x.json").write_text("{")
    run(tmp_path / "b", method={"loss": "hinge"})
    found = parts(place, tmp_path / "b")
    said = " ".join(found.text)
    assert "half-written: it is shown up to step 10" in said
    assert "b: no log lines yet" in said
    assert "x.json cannot be read" in said
    assert "1 picture could not be read: step_" in said
    assert found.curves["d/loss"][0]["steps"] == [10]
    assert [image["data-step"] for image in found.images] == ["0"]


def test_a_run_before_its_first_line(tmp_path):
    found = parts(run(tmp_path / "a"))
    assert found.curves == {}
    assert found.table("run")["a"]["state"] == "step 0 of 40"
    assert "No log lines yet." in " ".join(found.text)


def test_many_arms_are_rows(tmp_path):
    places = [
        run(tmp_path / f"r{i}", [line(10, i)], results=[result(i)], batch_size=i)
        for i in range(1, 20)
    ]
    found = parts(*places)
    assert found.table("field")["r7"] == {"batch_size": "7"}
    assert found.table("figure")["r7, final (step 40)"] == {"frechet": "7"}


def test_without_a_log_its_evaluations_tell_how_far_a_run_came(two):
    place, _ = two
    (place / "metrics.jsonl").unlink()
    assert parts(place).table("run")["a"]["state"] == "finished, 40 steps"
