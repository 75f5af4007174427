"""Which ``bases`` an experiment imports: of its own folder, else the repository's."""

import sys

import pytest

from jaxgan import config as config_lib
from jaxgan.base import errors
from tests.conftest import EXPERIMENTS

TOP = "from bases import mine\n{more}\ndef get_config():\n    return mine.base()\n"
INSIDE = "{more}\ndef get_config():\n    from bases import mine\n    return mine.base()\n"
BASE = "from jaxgan import config\n\ndef base():\n    full = config.default()\n"


def folder_with_bases(folder, steps, *, package=True, experiment=TOP, more=""):
    """An experiment in a folder of its own, beside bases that set ``steps``; its path."""
    (folder / "bases").mkdir(parents=True)
    if package:
        (folder / "bases" / "__init__.py").write_text("")
    body = f"    full.steps = {steps}\n    full.method = {{'name': 'gan'}}\n    return full\n"
    (folder / "bases" / "mine.py").write_text(BASE + body)
    (folder / "experiment.py").write_text(experiment.format(more=more))
    return str(folder / "experiment.py")


def steps(path):
    return config_lib.call_experiment(path, "get_config").steps


@pytest.mark.parametrize("experiment", [TOP, INSIDE], ids=["import at the top", "in a function"])
@pytest.mark.parametrize("package", [True, False], ids=["package", "no __init__.py"])
def test_bases_of_two_folders_do_not_collide(tmp_path, package, experiment):
    form = {"package": package, "experiment": experiment}
    one = folder_with_bases(tmp_path / "one", 1, **form)
    two = folder_with_bases(tmp_path / "two", 2, **form)
    ours = str(EXPERIMENTS / "dcgan_digits.py")
    assert [steps(path) for path in (ours, one, two, ours, one)] == [2000, 1, 2, 2000, 1]


@pytest.mark.parametrize("experiment", [TOP, INSIDE], ids=["import at the top", "in a function"])
def test_an_experiment_that_loads_another_keeps_its_own(tmp_path, experiment):
    two = folder_with_bases(tmp_path / "two", 2)
    more = (
        "from jaxgan import config\n"
        f"OTHER = config.load_experiment({two!r}).get_config().steps\n"
        "from bases import mine\n"
        "assert (OTHER, mine.base().steps) == (2, 1)\n"
    )
    assert steps(folder_with_bases(tmp_path / "one", 1, experiment=experiment, more=more)) == 1


def test_a_copy_elsewhere_has_the_bases_of_the_repository(tmp_path, monkeypatch):
    assert steps(folder_with_bases(tmp_path / "other", 1)) == 1
    copy = tmp_path / "copied" / "mine.py"
    copy.parent.mkdir()
    copy.write_text((EXPERIMENTS / "dcgan_digits.py").read_text())
    # Wherever one stands.
    monkeypatch.chdir(tmp_path / "other")
    copied = config_lib.load(str(copy))
    assert copied == config_lib.load(str(EXPERIMENTS / "dcgan_digits.py"))


@pytest.mark.parametrize("steps_of_base", ["1", "nowhere"])
def test_nothing_is_left_behind(tmp_path, monkeypatch, steps_of_base):
    """A program may have a module of that name, and an experiment may fail."""
    monkeypatch.setitem(sys.modules, "bases", before := object())
    finders = list(sys.meta_path)
    path = folder_with_bases(tmp_path / "one", steps_of_base)
    if steps_of_base == "nowhere":
        with pytest.raises(errors.UserError, match=r"'nowhere' is not defined \(mine.py, line 5\)"):
            steps(path)
    else:
        assert steps(path) == 1
    assert sys.modules["bases"] is before
    assert "bases.mine" not in sys.modules
    assert sys.meta_path == finders


def test_what_its_bases_lack_is_told(tmp_path):
    path = folder_with_bases(tmp_path / "one", 1)
    (tmp_path / "one" / "bases" / "mine.py").unlink()
    with pytest.raises(errors.UserError, match=r"cannot import name 'mine' from 'bases'") as caught:
        steps(path)
    assert "\n" not in str(caught.value)
