import pwd
import subprocess
import sys

import ml_collections
import numpy as np
import pytest

from jaxgan import data as jd


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"image_size": -1}, "data.image_size"),
        ({"channels": 2}, "data.channels"),
        ({"channels": 4}, "data.channels"),
    ],
)
def test_impossible_fields(config, refused_by_both, field, words):
    assert words in refused_by_both(config("digits", **field))


def test_a_config_dict_with_the_name_alone_is_enough():
    data = ml_collections.ConfigDict({"name": "digits"})
    source = jd.open_source(data)
    assert (source.name, source.split, len(source)) == ("digits", "train", 1498)
    assert source.spec == jd.describe(data)


def test_the_argument_comes_before_the_field(config):
    data = config("digits", split="train")
    assert jd.open_source(data, "test").split == "test"
    assert jd.describe(data, "test").size == 299


@pytest.mark.parametrize(("name", "data_dir"), [("mnist", ""), ("npz", "~/x.npz")])
def test_no_home_folder(config, refused_by_both, monkeypatch, name, data_dir):
    def unknown(*_):
        raise KeyError("uid not found")

    for variable in ("HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert "no such home folder" in refused_by_both(config(name, data_dir=data_dir))


def test_importing_data_loads_no_reader():
    program = """
import sys
import jaxgan.data
heavy = {'tensorflow', 'tensorflow_datasets', 'sklearn', 'grain'} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["digits", "ring", "swiss_roll", "stacked_mnist", "npz", "mnist"])
def test_what_every_source_tells_beside_its_samples(tmp_path, config, tfds_folder, name):
    tfds_folder("mnist")
    np.savez(tmp_path / "x.npz", images=np.zeros((20, 4, 4), np.uint8), labels=np.arange(20))
    data = config(name, data_dir=str(tmp_path / "x.npz" if name == "npz" else tmp_path))
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.digest
    assert len(source.classes) in (0, source.num_classes)
    rows = np.arange(source.size)[[0, -1, 3, 3]]
    read = source.read(rows)
    assert ("label" in read) == (source.labels is not None) == (source.num_classes > 0)
    if source.num_classes:
        found = source.labels(rows)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, read["label"])
    ids = source.ids()
    assert (ids.dtype, ids.shape) == (np.int64, (source.size,))
    assert len(np.unique(ids)) == source.size
