"""Building a network from its config: what the method gives it, and what a config may set."""

import importlib

import flax.linen as nn
import pytest
from ml_collections import ConfigDict

from jaxgan import networks
from jaxgan.base import errors

MLP = {"name": "mlp", "features": (8,)}


def test_what_the_method_gives_is_the_networks_where_it_has_it():
    made = networks.build("generator", MLP, needed={"num_classes": 3}, shape=(2,), weather="fair")
    assert (made.num_classes, made.shape, made.features) == (3, (2,), (8,))
    assert not hasattr(made, "weather")


@pytest.mark.parametrize(
    ("part", "needed", "told"),
    [
        (MLP, {"weather": "fair"}, "generator 'mlp' takes no weather, which the method needs"),
        ({**MLP, "shape": (2,)}, {}, "shape of the generator is set by the method; leave it out"),
        # Also where this method would give none.
        ({**MLP, "num_classes": 3}, {}, "num_classes of the generator is set by the method"),
        ({**MLP, "axis_name": "data"}, {}, "axis_name of the generator is set by the method"),
        ({**MLP, "dtype": "bfloat16"}, {}, "dtype of the generator is set by config.precision"),
        ({"name": "progan", "stage": 4}, {}, "stage of the generator is set by the method"),
        ({**MLP, "depth": 3}, {}, "field of the generator 'mlp' 'depth'"),
        ({"features": (8,)}, {}, "generator needs a name"),
    ],
)
def test_what_is_refused(part, needed, told):
    with pytest.raises(errors.UserError, match=told):
        networks.build("generator", part, needed=needed, shape=(2,))


def test_a_network_computes_in_the_precision_or_is_refused(tmp_path, monkeypatch):
    made = networks.build("generator", MLP, precision="bfloat16", shape=(2,))
    assert made.dtype == "bfloat16"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "full_precision_of_test_build.py").write_text(
        "import flax.linen as nn\nclass Generator(nn.Module):\n    width: int = 8\n"
    )
    part = {"name": "full_precision_of_test_build"}
    assert networks.build("generator", part).width == 8
    told = "has no field 'dtype', which config.precision='bfloat16' needs"
    with pytest.raises(errors.UserError, match=told):
        networks.build("generator", part, precision="bfloat16")
    with pytest.raises(errors.UserError, match="no Linen module of the name 'Encoder'"):
        networks.build("encoder", part)


def test_the_last_word_of_a_role_is_one_too():
    made = networks.build("second_discriminator", MLP)
    assert type(made) is type(networks.build("discriminator", MLP))
    with pytest.raises(errors.UserError, match="no Linen module of the name 'Classifier'"):
        networks.build("classifier", MLP)


def test_a_network_that_there_is_not():
    told = "known: .*dcgan, .*mlp, .*; there is no module 'quite_else' beside the experiment"
    with pytest.raises(errors.UserError, match=told):
        networks.find("generator", {"name": "quite_else"})


def test_a_config_may_set_what_the_method_does_not():
    for name in networks.names():
        module = importlib.import_module(f"jaxgan.networks.{name}")
        roles = [r for r in ("generator", "discriminator") if hasattr(module, r.title())]
        assert roles, name
        for role in roles:
            cls = networks.find(role, {"name": name})
            found = networks.settable(cls)
            of = {"progan": {"stage", "alpha"}, "srresnet": {"factor"}, "gat": {"together"}}
            given = of.get(name, set()) | set(networks.building.GIVEN)
            assert set(found) == set(networks.fields(cls)) - given, name
            assert not {"parent", "name"} & set(found)


def test_a_field_is_of_any_type_where_its_annotation_cannot_be_looked_up(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "network_of_test_build.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "import flax.linen as nn\n"
        "if TYPE_CHECKING:\n"
        "    from somewhere import Act\n"
        "class Generator(nn.Module):\n"
        "    shape: tuple[int, ...]\n"
        "    act: Act | None = None\n"
        "    width: int = 8\n"
    )
    part = ConfigDict({"name": "network_of_test_build"})
    found = networks.settable(networks.find("generator", part))
    assert {name: field.default for name, field in found.items() if name != "shape"} == {
        "act": None,
        "width": 8,
    }
    assert isinstance(networks.build("generator", part, shape=(2,)), nn.Module)
