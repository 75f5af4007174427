"""Arms: their names, their products, their draws; what is refused."""

import numpy as np
import pytest

from jaxgan import sweep
from jaxgan.sweep import arms


def test_values_and_their_names():
    assert sweep.values("method.n_critic", range(1, 3)) == {
        "n_critic=1": {"method.n_critic": 1},
        "n_critic=2": {"method.n_critic": 2},
    }
    rates = sweep.values("method.g_optimizer.learning_rate", np.geomspace(1e-4, 1e-2, 3), "G")
    assert list(rates) == ["G=0.0001", "G=0.001", "G=0.01"]
    assert all(type(x) is float for fields in rates.values() for x in fields.values())


def test_a_product_has_every_pair():
    losses = sweep.values("method.loss", ("hinge", "minimax"))
    found = sweep.product(losses, {"none": {}, "R1": {"method.techniques.r1": 1.0}})
    assert list(found) == [
        *("loss=hinge, none", "loss=hinge, R1", "loss=minimax, none", "loss=minimax, R1"),
    ]
    assert found["loss=minimax, R1"] == {"method.loss": "minimax", "method.techniques.r1": 1.0}
    with pytest.raises(ValueError, match=r"two factors set method\.loss"):
        sweep.product(losses, losses)


def test_draws_are_the_same_again_and_within_bounds():
    fields = {"a.rate": sweep.log_uniform(1e-5, 1e-3), "a.b": sweep.uniform(2, 3), "a.n": [1, 2, 5]}
    found = sweep.draws(200, 7, fields)
    assert sweep.draws(3, 7, fields) == {name: found[name] for name in list(found)[:3]}
    assert not any(arm in found.values() for arm in sweep.draws(3, 8, fields).values())
    rates = np.array([x["a.rate"] for x in found.values()])
    assert rates.min() > 1e-5
    assert rates.max() < 1e-3
    assert 0.4 < np.mean(rates < 1e-4) < 0.6  # half of them in each decade
    assert {x["a.n"] for x in found.values()} == {1, 2, 5}
    assert all(2 <= x["a.b"] < 3 for x in found.values())
    with pytest.raises(ValueError, match="0 < low < high"):
        sweep.log_uniform(0, 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"arms": {}}, "needs an arm and a seed"),
        ({"arms": {"a": {}}, "seeds": 0}, "needs an arm and a seed"),
        ({"arms": {"a": {}}, "seeds": [1, 1]}, "a seed stands twice"),
        ({"arms": [("a", {}), ("a", {"steps": 1})]}, "two arms have the name 'a'"),
        ({"arms": {"a b": {}, "a/b": {"steps": 1}}}, "'a b' and 'a/b' would have one folder"),
        ({"arms": {"a": {}}, "baseline": "b"}, "the baseline 'b' is not one of"),
        ({"arms": {"sweep": {}}, "together": True}, "cannot be called 'sweep'"),
        ({"arms": {"a": {}, "a.json": {"steps": 1}}}, "cannot be called 'a.json'"),
        ({"arms": {"a" * 300: {}}}, "cannot be called 'aaa"),
        ({"arms": {"a": {"seed": 3}}}, "sets seed: seeds and arms are those of the sweep"),
        ({"arms": {"a": {"arms": ()}}}, "sets arms: seeds and arms are those"),
        ({"arms": {"together_1": {}}}, "cannot be called 'together_1'"),
        ({"arms": {"a": {}}, "together": "all"}, "together is False, True or 'arms', not 'all'"),
        ({"arms": {"a": {"seeds": 3}}}, "sets seeds: seeds and arms are those of the sweep"),
        ({"arms": {"a": {"experiment": "../x.py"}}}, "a file beside this one, not '../x.py'"),
        ({"arms": {"a": {"m.widths": np.ones(2)}}}, "m.widths cannot be array"),
    ],
)
def test_what_is_no_sweep(given, told):
    with pytest.raises(ValueError, match=told):
        sweep.Sweep(**given)


def test_a_text_is_no_list_of_values():
    with pytest.raises(ValueError, match="takes a list, not 'hinge'"):
        sweep.values("method.loss", "hinge")


def test_union_refuses_two_of_one_name():
    with pytest.raises(ValueError, match="two arms have the name 'a'"):
        sweep.union({"a": {}}, {"a": {}})
    assert list(sweep.union({"a": {}}, {"b": {}})) == ["a", "b"]


def test_a_sweep_in_one_form():
    found = sweep.Sweep({"a": {"method.n_critic": np.int64(2)}, "b": {"x": [1, 2]}}, seeds=2)
    assert found.seeds == (0, 1)
    assert found.baseline == "a"
    assert found.arms == {"a": {"method.n_critic": 2}, "b": {"x": (1, 2)}}
    assert type(found.arms["a"]["method.n_critic"]) is int


def test_folders_of_arms():
    assert arms.folder("loss=hinge, R1+R2") == "loss=hinge_R1+R2"
    assert arms.folder("../x") == "x"
    assert arms.folder("..") == "arm"
