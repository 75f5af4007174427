"""A run's folder: who holds it, and whether a command may go on with what it holds."""

import errno
import fcntl
import inspect
import json
import os
import shutil
import sys
import typing
from pathlib import Path

import jax
import pytest

import jaxgan
from jaxgan import data, evaluation, train
from jaxgan.base import environment, errors, files
from jaxgan.run import checkpoint, export, judge, manifest, run_folder, trained, written
from jaxgan.watch import pictures
from tests.conftest import quickly, smoke
from tests.test_bad_input import here, refused, rewrite  # noqa: F401
from tests.test_main import DIGITS, command, tiny_run  # noqa: F401

TRAIN = [DIGITS, "--smoke"]


@pytest.fixture
def copy(tiny_run, tmp_path):  # noqa: F811
    return shutil.copytree(tiny_run, tmp_path / "copy")


def stored(run):
    return json.loads((run / "config.json").read_text())


@pytest.fixture
def flock(monkeypatch):
    """flock(number): from now on the system answers so when it is asked for a lock."""

    def answer(number):
        def refuse(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refuse)

    return answer


@pytest.mark.parametrize("name", ["EWOULDBLOCK", "EAGAIN", "EACCES"])
def test_a_lock_that_is_held(flock, tmp_path, name):
    flock(getattr(errno, name))
    with pytest.raises(errors.UserError, match="in use by another process"):
        run_folder.locked(tmp_path).__enter__()


@pytest.mark.parametrize("name", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EIO", "EBADF"])
def test_a_file_system_without_locks(flock, tmp_path, caplog, name):
    flock(getattr(errno, name))
    with run_folder.locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / run_folder.LOCK).read_text()
    (line,) = caplog.messages
    assert f"{tmp_path} cannot be locked ({os.strerror(getattr(errno, name))}): " in line


# bytes that are no text, as the command line gives them; and a letter for a locale without it.
def test_a_name_that_is_no_text(refused, tmp_path):  # noqa: F811
    place = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    refused([*TRAIN, f"--workdir={place}"], r"/\udcff' cannot be written in utf-8: rename it")
    refused(["--mode=sample", f"--workdir={place}"], "cannot be written in utf-8")
    assert list(tmp_path.iterdir()) == []


def test_a_letter_that_the_locale_has_not(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda name: str(name).encode("ascii"))
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    for check in (run_folder.check_place, run_folder.create):
        with pytest.raises(errors.UserError, match=r"in ascii: set LC_ALL=C.UTF-8"):
            check(tmp_path / "\u00e9")
    run_folder.check_place(tmp_path / "e")


OTHERS = {
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 1,
    "jax_high_dynamic_range_gumbel": True,
    "jax_enable_x64": True,
    "jax_default_matmul_precision": "float32",
}


@pytest.fixture(params=OTHERS)
def switched(request):
    """A switch of JAX's that is set otherwise."""
    name, before = request.param, environment.present()[request.param]
    jax.config.update(name, OTHERS[name])
    yield name
    jax.config.update(name, before)


def test_every_switch_is_recorded(tiny_run):  # noqa: F811
    assert set(OTHERS) == set(environment.SWITCHES)
    assert stored(tiny_run)["environment"] == environment.present()
    assert stored(tiny_run)["environment"]["jax_default_prng_impl"] == "threefry2x32"


def test_a_run_under_another_switch_is_not_gone_on_with(refused, copy, switched):  # noqa: F811
    was, now = stored(copy)["environment"][switched], OTHERS[switched]
    hint = f"set {switched.upper()}={was}" if was is not None else f"unset {switched.upper()}"
    refused([*TRAIN, f"--workdir={copy}"], f"{switched} was {was!r}, now {now!r}: {hint}")


@pytest.mark.parametrize("switched", quickly([(name,) for name in OTHERS], 5), indirect=True)
def test_a_model_under_another_switch_is_loaded_with_a_warning(copy, switched, caplog):
    for _ in range(2):
        jaxgan.load(copy)
    (line,) = caplog.messages
    assert f"{switched} was " in line
    assert "\n" not in line


def test_a_model_under_the_same_switches_is_loaded_without(copy, caplog):
    jaxgan.load(copy)
    assert caplog.messages == []


def test_a_run_of_an_older_version_goes_on_and_is_recorded(copy, command, caplog):  # noqa: F811
    before = stored(copy)

    def older(config):
        del config["environment"], config["dataset"]["classes"], config["dataset"]["digest"]
        del config["evaluation"]["labels"]

    rewrite(copy, older)
    assert jaxgan.load(copy).step == 20
    assert command("--mode=sample", f"--workdir={copy}")[0] == 0
    assert command(*TRAIN, f"--workdir={copy}")[0] == 0
    assert stored(copy) == before
    assert caplog.messages == []


@pytest.fixture
def described(monkeypatch):
    """described(FIELD=VALUE): what the data look like from now on."""
    original = data.describe

    def change(**fields):
        def describe(*arguments, **named):
            return original(*arguments, **named)._replace(**fields)

        for module in (data, data.datasets):
            monkeypatch.setattr(module, "describe", describe)

    return change


NAMES = tuple("abcdefghij")
# What was stored, what is there now, and what is told of it: '' where nothing is.
DATA = [
    ({"size": 1498}, {"size": 9}, "dataset.size was 1498, now 9"),
    ({"shape": (8, 8, 1)}, {"shape": (8, 8, 3)}, "dataset.shape was [8, 8, 1], now [8, 8, 3]"),
    ({"digest": "x"}, {"digest": "y"}, "other samples of the same shape and number"),
    ({"digest": "x"}, {"digest": ""}, ""),
    ({"digest": ""}, {"digest": "x"}, ""),
    ({"classes": ()}, {"classes": NAMES}, ""),
    ({"classes": NAMES}, {"classes": ()}, ""),
    ({"classes": NAMES}, {"classes": (*NAMES[:9], "k")}, "class 9 was 'j', now 'k'"),
    ({"classes": NAMES}, {"classes": (*NAMES, "k")}, "class 10 was None, now 'k'"),
    ({"digest": "x", "classes": NAMES}, {"digest": "x", "classes": NAMES}, ""),
]


@pytest.mark.parametrize(("before", "now", "told"), DATA)
def test_changed_data(before, now, told):
    spec = data.Spec((8, 8, 1), 10, 1498)
    old, new = (
        json.loads(json.dumps({"dataset": spec._replace(**fields)._asdict()}))
        for fields in (before, now)
    )
    assert run_folder.data_changes(old, new) == told
    assert run_folder.data_changes({}, new) == ""


def test_training_on_other_data_is_refused(refused, copy, command, described):  # noqa: F811
    def older(config):
        config["dataset"]["classes"], config["dataset"]["digest"] = [], ""

    rewrite(copy, older)
    described(digest="one", classes=NAMES)
    assert command(*TRAIN, f"--workdir={copy}")[0] == 0
    assert stored(copy)["dataset"]["digest"] == "one"
    assert stored(copy)["dataset"]["classes"] == list(NAMES)
    for fields in ({"digest": "two"}, {"classes": NAMES[::-1]}, {"size": 1497}):
        described(**fields)
        refused([*TRAIN, f"--workdir={copy}"], "the data have changed: ")


def test_an_evaluation_on_other_data_is_told(copy, command, described, caplog):  # noqa: F811
    rewrite(copy, lambda config: config["dataset"].update(digest="one"))
    for fields, more in (({"digest": "two"}, []), ({"digest": "three", "size": 1497}, TRAIN)):
        caplog.clear()
        described(**fields)
        arguments = [*more, "--mode=evaluate", f"--workdir={copy}", "--step=all"]
        assert command(*arguments)[0] == 0
        assert len(caplog.messages) <= 1
    assert "the data have changed since the run" in "".join(caplog.messages)
    assert "dataset.size was 1498, now 1497" in "".join(caplog.messages)


def test_samples_need_no_data(copy, command, monkeypatch, caplog):  # noqa: F811
    def gone(*_):
        raise errors.UserError("no such folder")

    monkeypatch.setattr(data, "describe", gone)
    assert command("--mode=sample", f"--workdir={copy}")[2] == ""
    assert caplog.messages == []


PUBLIC = (train, judge, export, trained, checkpoint, evaluation, pictures.save, jaxgan.load)


def public():
    """What a user of the library calls."""
    for place in PUBLIC:
        found = vars(place).values() if inspect.ismodule(place) else [place]
        for function in found:
            own = inspect.isfunction(function) and function.__module__.startswith("jaxgan")
            if own and not function.__name__.startswith("_") and function is not checkpoint.read:
                yield function


def test_text_will_do_for_a_path():
    private = {checkpoint.move_aside, checkpoint.write_manifests}
    for function in set(public()) - private:
        for parameter in inspect.signature(function).parameters.values():
            kinds = typing.get_args(parameter.annotation) or (parameter.annotation,)
            assert Path not in kinds or str in kinds, f"{function.__name__}: {parameter}"


def test_text_is_a_path(tiny_run, tmp_path, described):  # noqa: F811
    run, out = str(shutil.copytree(tiny_run, tmp_path / "run")), str(tmp_path / "out")
    assert train.train(smoke("gan_digits", "evaluation.every=20"), str(tmp_path / "new")) == 0
    model = trained.load(run)
    written.write(model, f"{out}.png", 4, 0)
    export.export(model, run, out)
    assert jaxgan.load(out).step == 20
    assert "step 20 (final)" in judge.evaluate(run, None, None, 20)
    steps = checkpoint.steps(f"{run}/checkpoints")
    assert steps[-1] == checkpoint.last_good(f"{run}/checkpoints") == 20
    assert checkpoint.metrics(f"{run}/checkpoints") == {}
    assert manifest.damage(f"{run}/checkpoints", 20) is None
    restored = checkpoint.restore(f"{run}/checkpoints", model.program.template, step=20)
    assert restored.step == 20
    result = str(next(Path(run, "evaluation").glob("*_report_*")))
    assert evaluation.compare(result, Path(result))
    pictures.save(pictures.picture(model.sample(jax.random.key(0), 2)), f"{out}2.png")
    assert isinstance(files.nearest(out), Path)
