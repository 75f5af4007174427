"""Variants: the fields that a config may set, the dataclass that they make, and their types."""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ml_collections import ConfigDict

from jaxgan import adversarial, config
from jaxgan.adversarial import Common, several
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import errors
from jaxgan.base.method import of_run
from jaxgan.config import variants
from jaxgan.methods.sgan import SGAN
from jaxgan.run import program
from tests.adversarial.play import SMALL
from tests.conftest import EXPERIMENTS, METHODS


@dataclasses.dataclass(frozen=True)
class Limits:
    """A group."""

    low: float = 0.0
    high: float = 1.0


@dataclasses.dataclass(frozen=True)
class Shared:
    """A part that is laid flat, with a part of its own."""

    size: int
    rate: float = 0.1
    limits: Limits = Limits()
    axis_name: str | None = None


@dataclasses.dataclass(frozen=True)
class Flat:
    """Has another default for one of the part's fields, and one of the same name as a group's."""

    shared: Shared = dataclasses.field(metadata=adversarial.flat(rate=0.5))
    low: int = 3
    names: tuple[str, ...] = dataclasses.field(default_factory=lambda: ("a", "b"))
    derived: int = dataclasses.field(init=False, default=0)

    def build(self):
        """Itself."""
        return self


def test_the_fields_of_a_part_stand_among_the_variants_own():
    found = variants.fields(Flat)
    assert list(found) == ["size", "rate", "limits", "low", "names"]
    assert found["size"] == (int, dataclasses.MISSING)
    assert found["rate"] == (float, 0.5), "the variant's default, not the part's"
    assert found["limits"] == (Limits, Limits())
    assert found["names"] == (tuple[str, ...], ("a", "b"))


def test_a_variant_is_made_of_flat_values():
    made = variants.made(Flat, {"size": 4, "low": 7, "limits": {"high": 2.0}}, axis_name="data")
    assert made == Flat(Shared(4, 0.5, Limits(0.0, 2.0), "data"), 7)
    given = variants.made(Flat, {"size": 4, "rate": 0.2, "limits": Limits(1.0, 3.0)})
    assert given.shared == Shared(4, 0.2, Limits(1.0, 3.0))
    assert (given.low, given.names) == (3, ("a", "b"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"siz": 4}, "unknown field of Flat 'siz'; did you mean 'size'?"),
        ({"shared": Shared(4)}, "unknown field of Flat 'shared'"),
        ({"axis_name": "data"}, "unknown field of Flat 'axis_name'"),
        ({"derived": 1}, "unknown field of Flat 'derived'"),
        ({"limits": {"hig": 2.0}}, "unknown field of Limits 'hig'; did you mean 'high'?"),
        # A group's field is no field of the variant's, nor the other way round.
        ({"high": 2.0}, "unknown field of Flat 'high'"),
        ({"limits": {"size": 2}}, "unknown field of Limits 'size'"),
    ],
)
def test_a_field_that_there_is_not_is_named(values, told):
    with pytest.raises(errors.UserError) as caught:
        variants.made(Flat, {"size": 4, **values})
    assert str(caught.value).startswith(told)


@dataclasses.dataclass(frozen=True)
class Timed:
    images: int = dataclasses.field(default=1, metadata=of_run("batch_size"))
    steps: int = 5  # its own, whatever the run's are


def test_a_variant_may_ask_for_what_the_run_has():
    assert set(variants.fields(Timed)) == {"steps"}
    assert variants.made(Timed, {}, batch_size=8, steps=9) == Timed(8, 5)
    assert variants.made(Timed, {"steps": 2}) == Timed(1, 2)
    with pytest.raises(errors.UserError, match="unknown field of Timed 'images'"):
        variants.made(Timed, {"images": 3})


def test_a_field_without_a_value_is_named():
    with pytest.raises(TypeError, match="size"):
        variants.made(Flat, {})


@pytest.mark.parametrize("name", METHODS)
def test_every_variant_has_the_common_fields_and_what_parallel_sets_alone(name):
    cls = variants.find(name)
    found, shared = variants.fields(cls), variants.hints(cls)["common"]
    assert shared in (Common, several.Common)
    common = {field.name for field in dataclasses.fields(shared)}
    assert common - set(variants.GIVEN) <= set(found)
    assert {"common", *variants.GIVEN}.isdisjoint(found)


def test_a_variants_own_defaults_are_the_configs_and_the_codes():
    matched = Techniques(feature_matching=1.0, feature_matching_alone=True)
    assert variants.fields(SGAN)["techniques"].default == matched
    made = variants.made(SGAN, {**SMALL, "num_classes": 3})
    assert made.common.techniques == matched
    # A group that is named is the user's whole, over the class's own defaults.
    chosen = variants.made(SGAN, {**SMALL, "num_classes": 3, "techniques": {"r1": 2.0}})
    assert chosen.common.techniques == Techniques(r1=2.0)
    loaded = config.load(str(EXPERIMENTS / "sgan_digits.py"))
    assert dict(loaded.method.techniques) == dataclasses.asdict(matched)


def module(*classes):
    made = types.ModuleType("a_module_of_variants")
    for cls in classes:
        cls.__module__ = made.__name__
        setattr(made, cls.__name__, cls)
    return made


def frozen(name, **members):
    return dataclasses.dataclass(frozen=True)(type(name, (), members))


def test_the_one_variant_of_a_module():
    variant = frozen("A", build=lambda self: None)
    group = frozen("Group")
    plain = type("Plain", (), {"build": lambda self: None})
    made = module(variant, group, plain)
    made.Flat = Flat  # of another module
    assert variants.only_variant(made) is variant
    other = frozen("B", build=lambda self: None)
    with pytest.raises(errors.UserError, match=r"\(a dataclass with build\), found 2: A, B"):
        variants.only_variant(module(variant, other))
    with pytest.raises(errors.UserError, match=r"must define one method.*found 0$"):
        variants.only_variant(module(group, plain))


def test_a_variant_that_cannot_be_mapped_is_refused_where_it_would_be():
    """Its devices would each go their own way, and nothing would show it."""
    path = str(EXPERIMENTS.parent / "tests" / "plugins" / "dirac_gan.py")
    assert variants.takes(Flat, "axis_name")
    assert not variants.takes(Limits, "axis_name")
    mapped = config.load(path, ["--config.parallel.mode=pmap"])
    with pytest.raises(errors.UserError) as caught:
        program.prepare(mapped)
    assert str(caught.value) == (
        "method 'dirac_gan' has no field 'axis_name', which config.parallel.mode='pmap' needs"
    )


@pytest.mark.parametrize("more", ["precision=bfloat16", "accumulate=2"])
def test_a_variant_that_cannot_run_as_asked_is_refused(more):
    path = str(EXPERIMENTS.parent / "tests" / "plugins" / "dirac_gan.py")
    with pytest.raises(errors.UserError, match=f"has no field '{more.split('=')[0]}', which"):
        program.prepare(config.load(path, [f"--config.{more}"]))


# What a field's annotation lets in.


@dataclasses.dataclass(frozen=True)
class Kinds:
    """A field of each kind that a config can hold, and of one that it cannot."""

    number: float = 1.0
    count: int = 1
    switch: bool = False
    word: str = ""
    sizes: tuple[int, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    rows: tuple[tuple[int, ...], ...] = ()
    names: list[str] = dataclasses.field(default_factory=list)
    some: Sequence[float] = ()
    several: tuple = ()
    any_list: list = dataclasses.field(default_factory=list)
    maybe: int | None = None
    maybe_pair: tuple[int, int] | None = None
    either: int | str = 0
    group: Mapping = dataclasses.field(default_factory=dict)
    limits: Limits = Limits()
    maybe_limits: Limits | None = None
    anything: Any = None

    def build(self):
        """Itself."""
        return self


@pytest.fixture
def filled():
    """The section of a config with this field, completed."""

    def fill(name, value):
        section = ConfigDict({name: value})
        config.fill_fields("method", section, variants.fields(Kinds))
        return section[name]

    return fill


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("number", 2, 2.0),
        ("number", 2.5, 2.5),
        ("count", 2, 2),
        ("sizes", [1, 2], (1, 2)),
        ("sizes", (), ()),
        ("pair", (1, 2), (1, 2.0)),
        ("rows", ((1, 2), ()), ((1, 2), ())),
        ("names", ("a",), ("a",)),
        ("some", (1, 2.5), (1.0, 2.5)),
        ("several", (1, "a"), (1, "a")),
        ("any_list", (1, "a"), (1, "a")),
        ("maybe", None, None),
        ("maybe", 3, 3),
        ("maybe_pair", None, None),
        ("maybe_pair", (1, 2), (1, 2)),
        ("either", "a", "a"),
        ("either", 3, 3),
        ("anything", "a", "a"),
        ("anything", None, None),
    ],
)
def test_a_value_of_a_fields_type_is_kept(filled, name, value, kept):
    found = config.plain(filled(name, value))
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("number", "1.0", "float, not '1.0'"),
        ("number", True, "float, not True"),
        ("number", None, "float, not None"),
        ("count", 1.0, "int, not 1.0"),
        ("count", True, "int, not True"),
        ("switch", 1, "bool, not 1"),
        ("word", 1, "str, not 1"),
        ("sizes", 3, "list of values, not 3"),
        ("sizes", "12", "list of values, not '12'"),
        ("sizes", (1, 2.5), "list of values, not (1, 2.5)"),
        ("sizes", (1, "2"), "list of values, not (1, '2')"),
        ("sizes", (1, None), "list of values, not (1, None)"),
        ("sizes", {"a": 1}, "list of values, not {'a': 1}"),
        ("pair", (1,), "list of values, not (1,)"),
        ("pair", (1, 2.0, 3), "list of values, not (1, 2.0, 3)"),
        ("pair", ("a", 2.0), "list of values, not ('a', 2.0)"),
        ("rows", (1, 2), "list of values, not (1, 2)"),
        ("rows", ((1, "a"),), "list of values, not ((1, 'a'),)"),
        ("names", "ab", "list of values, not 'ab'"),
        ("names", (1,), "list of values, not (1,)"),
        ("some", "ab", "list of values, not 'ab'"),
        ("several", 3, "list of values, not 3"),
        ("several", "ab", "list of values, not 'ab'"),
        ("any_list", 3, "list of values, not 3"),
        ("maybe", "3", "int | None, not '3'"),
        ("maybe", 3.5, "int | None, not 3.5"),
        ("maybe_pair", (1,), "tuple[int, int] | None, not (1,)"),
        ("maybe_pair", (1, 2, 3), "tuple[int, int] | None, not (1, 2, 3)"),
        ("maybe_pair", 3, "tuple[int, int] | None, not 3"),
        ("either", 2.5, "int | str, not 2.5"),
        ("either", None, "int | str, not None"),
        ("group", 3, "group, not 3"),
        ("group", (1, 2), "group, not (1, 2)"),
        ("limits", 3, "group, not 3"),
        ("limits", None, "group, not None"),
        ("maybe_limits", 3, "None, not 3"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_annotation(filled, name, value, told):
    with pytest.raises(errors.UserError) as caught:
        filled(name, value)
    assert str(caught.value).startswith(f"config.method.{name} must be of type ")
    assert str(caught.value).endswith(told)


def variant_file(folder, fields):
    """An experiment, and the method beside it that it names."""
    name = f"kinds_{folder.name}"
    (folder / f"{name}.py").write_text(
        "import dataclasses\n"
        "from collections.abc import Mapping\n"
        "from typing import Any\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Kinds:\n"
        f"    {fields}\n"
        "    def build(self): ...\n"
    )
    path = folder / "experiment.py"
    path.write_text(
        "from jaxgan import config as base\n"
        "def get_config():\n"
        "    config = base.default()\n"
        f"    config.method = {{'name': {name!r}}}\n"
        "    return config\n"
    )
    return str(path)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("sizes: tuple[int, ...] = ()", "(3, 4)", "(3, 4.5)"),
        ("sizes: tuple[int, ...] = (1, 2)", "3", "(3, 'a')"),
        ("sizes: tuple[float, float] = (1.0, 2.0)", "(3, 4.5)", "(1.0, 2.0, 3.0)"),
        ("maybe: int | None = None", "3", "3.5"),
        ("maybe: tuple[int, ...] | None = None", "(3,)", "(3.5,)"),
        ("maybe: str | None = None", "abc", "3"),
        ("either: int | str = 1", "2", "2.5"),
        ("group: Mapping | None = None", "None", "3"),
        ("count: int = 1", "2", "2.5"),
    ],
)
def test_the_command_line_is_held_to_the_annotation_too(tmp_path, field, good, bad):
    path, name = variant_file(tmp_path, field), field.partition(":")[0]
    found = config.load(path, [f"--config.method.{name}={good}"])
    assert config.complete(found.to_dict()).method[name] == found.method[name]
    with pytest.raises(errors.UserError, match=rf"config.method.{name} must be of type"):
        config.load(path, [f"--config.method.{name}={bad}"])
