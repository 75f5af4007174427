import copy

import pytest

from jaxgan import evaluation
from jaxgan.base import errors

RESULT = {
    "step": 10,
    "figures": {"frechet": {"value": 3.0, "floor": 1.0, "perfect": None}, "kid": {"value": 0.1}},
    "warnings": [],
    "protocol": {
        "part": "report",
        "n_generated": 100,
        "n_real": 100,
        "data": "digits",
        "split": "test",
        "extractor": "domain_digits 12",
        "weights": "averaged",
    },
    "digest": "abc",
}


def other(**protocol):
    result = copy.deepcopy(RESULT)
    result["figures"]["frechet"]["value"] = 2.0
    result["protocol"] |= protocol
    return result


def test_results_of_one_protocol_are_compared():
    assert evaluation.compare(RESULT, other()) == {"frechet": (3.0, 2.0), "kid": (0.1, 0.1)}


def test_another_protocol_is_refused_naming_what_differs():
    with pytest.raises(errors.UserError) as raised:
        evaluation.compare(RESULT, other(n_generated=50, weights="raw"))
    assert "n_generated is 100 in one, 50 in the other" in str(raised.value)
    assert "despite=('n_generated', 'weights')" in str(raised.value)


def test_what_may_differ_is_asked_for_by_name():
    second = other(n_generated=50, weights="raw")
    with pytest.raises(errors.UserError, match="weights"):
        evaluation.compare(RESULT, second, despite=["n_generated"])
    found = evaluation.compare(RESULT, second, despite=["n_generated", "weights"])
    assert found["frechet"] == (3.0, 2.0)


def test_files_are_compared_and_bad_ones_told(tmp_path):
    first, second = (evaluation.write(r, tmp_path / n) for n, r in (("a", RESULT), ("b", other())))
    assert evaluation.compare(first, second)["frechet"] == (3.0, 2.0)
    first.write_text("{")
    with pytest.raises(errors.UserError, match="cannot be read"):
        evaluation.compare(first, second)
    first.write_text("{}")
    with pytest.raises(errors.UserError, match="does not hold the result"):
        evaluation.compare(first, second)


def test_the_table_has_value_floor_and_what_is_perfect():
    lines = evaluation.describe({**RESULT, "warnings": ["too few"], "checkpoint": "final"})
    head, columns, frechet, kid, warning = lines.splitlines()
    assert head.startswith("step 10 (final): 100 generated samples against 100 of digits (test)")
    assert columns.split("  ")[-1] == "perfect" or columns.endswith("perfect")
    assert frechet.split() == ["frechet", "3", "1"]
    assert kid.split() == ["kid", "0.1"]
    assert warning == "  warning: too few"
