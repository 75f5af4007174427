"""Places for files: what cannot be written to, what is not there, and who has no home."""

import functools
import os
import pwd
from pathlib import Path

import numpy as np
import pytest

from jaxgan.base import errors, files
from jaxgan.data import catalogue
from jaxgan.evaluation import real
from jaxgan.extractors import domain
from jaxgan.extractors.extractor import Extractor, Features
from jaxgan.run import run_folder
from tests.conftest import EXPERIMENTS, smoke
from tests.test_main import DIGITS, command, tiny_run  # noqa: F401


@pytest.fixture
def homeless(monkeypatch):
    """A process whose user the system does not know, as in a container with ``-u 12345``."""

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shut(tmp_path, monkeypatch):
    """A folder that may not be looked into, for root either."""
    folder, stat, access = tmp_path / "shut", os.stat, os.access
    folder.mkdir()

    def closed(path, *arguments, **options):
        if str(path).startswith(f"{folder}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", closed)
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder and access(path, mode))
    return folder


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    with files.replacing(path) as new:
        new.write_text("first")
    with pytest.raises(KeyError), files.replacing(path) as new:  # noqa: PT012
        new.write_text("second")
        raise KeyError
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("gs://bucket/run", True),
        (Path("s3://bucket/run"), True),
        ("file:///tmp/run", True),
        ("runs/gs:/x", False),
        ("/tmp/gs://x", False),
        ("a:b", False),
        ("c:/x", False),
        ("", False),
    ],
)
def test_what_is_an_address_and_no_folder(tmp_path, monkeypatch, path, address):
    monkeypatch.chdir(tmp_path)
    assert bool(files.elsewhere(path)) is address
    if address:
        for check in (files.check_local, run_folder.check_place, run_folder.create):
            with pytest.raises(errors.UserError, match="is an address, not a folder"):
                check(Path(path))
        with pytest.raises(errors.UserError, match="no file can be made"):
            files.check_place(Path(path) / "x.png")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left"), OSError("1 requested, 0 written")])
def test_what_the_system_says_becomes_one_line(tmp_path, error):
    with pytest.raises(files.WriteError) as refusal, files.replacing(tmp_path / "x"):
        raise error
    said = error.strerror or str(error)
    assert str(refusal.value) == f"cannot write to {tmp_path}/x: {said}"
    assert isinstance(refusal.value, errors.UserError)
    assert isinstance(refusal.value, OSError), "so that a cache may be done without"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (21_300, "21.3 kB"),
        (999_600, "1 MB"),
        (4e6, "4 MB"),
        (2.54e9, "2.5 GB"),
        (12e12, "12000.0 GB"),
    ],
)
def test_amounts(count, told):
    assert files.amount(count) == told


def test_a_place_that_may_not_be_looked_into(shut, command):  # noqa: F811
    place = shut / "inside" / "run"
    assert files.nearest(place) == shut
    assert files.cannot_hold(place) == "Permission denied"
    code, _, err = command(DIGITS, "--smoke", f"--workdir={place}")
    assert (code, err) == (2, f"error: cannot write to workdir {place}: Permission denied\n")
    code, _, err = command("--mode=sample", f"--workdir={place}")
    assert (code, err.count("\n")) == (2, 1)


def test_a_place_whose_name_is_too_long(tmp_path, command):  # noqa: F811
    code, _, err = command(DIGITS, "--smoke", f"--workdir={tmp_path}/{'x' * 300}")
    assert (code, err.count("\n")) == (2, 1)
    assert "File name too long" in err


def test_without_a_home_nothing_is_kept(homeless, command, tmp_path):  # noqa: F811
    os.environ.pop("XDG_CACHE_HOME", None)  # where `command` has one of its own
    assert files.cache("xla") is None
    code, out, err = command(f"--config={EXPERIMENTS}/dcgan_digits.py", "--smoke", "--dry_run")
    assert (code, err) == (0, "")
    assert "parameters of g" in out


def test_the_cache_stands_where_the_environment_says(homeless, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(files.cache("xla")) == "/x/jaxgan/xla"


def test_features_without_a_cache(homeless):
    seen = []

    def look(images):
        seen.append(len(images))
        return Features(images.reshape(len(images), -1), None)

    extractor = Extractor("test", "digest", "none", 4, 0, {}, lambda params, images: (images, None))
    for _ in range(2):
        real.remember(extractor, look)(np.zeros((3, 2, 2, 1), np.uint8))
    assert seen == [3, 3]


def test_a_domain_classifier_without_a_cache(homeless, monkeypatch):
    small = functools.partial(domain.Recipe, epochs=1, steps=2, rows=200, tested=50)
    monkeypatch.setattr(domain, "Recipe", small)
    said = []
    assert domain.load(smoke("gan_digits").data, say=said.append).extractor.num_classes == 10
    assert "training a classifier of digits, once" in said[0]
    assert not any("cannot be kept" in line for line in said)


@pytest.mark.parametrize("name", ["mnist", "npz", "folder", "stacked_mnist"])
def test_data_in_a_home_that_is_not_there(homeless, command, name):  # noqa: F811
    os.environ.pop("XDG_CACHE_HOME", None)
    fields = [f"--config.data.name={name}"]
    if name in ("npz", "folder"):
        fields.append("--config.data.data_dir=~/data")
    code, out, err = command(DIGITS, "--smoke", "--dry_run", *fields)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "there is no such home folder; name the whole path" in err


def test_a_home_of_somebody_who_is_not_there():
    with pytest.raises(errors.UserError, match="~nobody_of_this_name/x: there is no such home"):
        files.expanded("~nobody_of_this_name/x")
    assert catalogue.default_dir("/whole/path") == files.expanded("/whole/path")
