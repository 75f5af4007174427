import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.data import catalogue, prepare


def test_a_prepared_dataset_is_read(tmp_path, config, tfds_folder):
    images, labels = tfds_folder("tiny")
    data = config("tiny", data_dir=str(tmp_path))
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.spec[:3] == ((8, 8, 3), 4, 7)
    arrays = jd.whole(source)
    np.testing.assert_array_equal(arrays["image"], images)
    np.testing.assert_array_equal(arrays["label"], labels)
    assert arrays["label"].dtype == np.int32
    some = source.read(np.array([5, 0, 5]))
    np.testing.assert_array_equal(some["image"], [images[5], images[0], images[5]])


def test_size_channels_and_a_part_of_a_split(tmp_path, config, tfds_folder):
    tfds_folder("tiny")
    data = config("tiny", data_dir=str(tmp_path), image_size=4, channels=1, split="train[:3]")
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.spec[:3] == ((4, 4, 1), 4, 3)
    assert jd.whole(source)["image"].shape == (3, 4, 4, 1)


def test_labels_are_read_without_the_images(tmp_path, config, tfds_folder):
    _, labels = tfds_folder("tiny", damaged=4)
    source = jd.open_source(config("tiny", data_dir=str(tmp_path)))
    found = source.labels(np.array([4, 0, 4]))
    assert found.dtype == np.int32
    assert found.tolist() == [labels[4], labels[0], labels[4]]
    # More than are held at a time.
    many = np.arange(3000) % 7
    np.testing.assert_array_equal(source.labels(many), labels[many])


@pytest.mark.parametrize("shards", [1, 2])
def test_a_record_has_one_id_in_all_parts_of_a_split(tmp_path, config, tfds_folder, shards):
    images, _ = tfds_folder("tiny", shards=shards)
    data, known = config("tiny", data_dir=str(tmp_path)), {}
    splits = ["train", "train[:3]", "train[3:]", "train[60%:]", "train[5:]+train[:1]"]
    for split in splits:
        source = jd.open_source(data, split)
        ids = source.ids()
        assert (ids.dtype, ids.shape) == (np.int64, (source.size,))
        for i, image in zip(ids, jd.whole(source)["image"], strict=True):
            assert known.setdefault(int(i), image.tobytes()) == image.tobytes()
    assert len(known) == len(images)
    assert sorted(jd.open_source(data).ids()) == sorted(known)


def test_the_names_of_the_classes(tmp_path, config, tfds_folder):
    tfds_folder("named", names=("ant", "bee", "cat", "dog"))
    tfds_folder("numbered")
    for name, classes in (("named", ("ant", "bee", "cat", "dog")), ("numbered", tuple("0123"))):
        data = config(name, data_dir=str(tmp_path))
        assert jd.describe(data).classes == jd.open_source(data).classes == classes


def test_the_digest_is_that_of_the_samples(tmp_path, config, tfds_folder):
    tfds_folder("tiny")
    data = config("tiny", data_dir=str(tmp_path))
    first = jd.describe(data).digest
    assert jd.describe(data, "train[:100%]").digest == first
    assert jd.describe(config("tiny", data_dir=str(tmp_path), image_size=4)).digest == first
    parts = [jd.describe(data, split).digest for split in ("train", "train[:3]", "train[3:6]")]
    assert len(set(parts)) == 3
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert jd.describe(config("tiny", data_dir=str(tmp_path / "copy"))).digest == first
    # Prepared again from other images: the same number of them, in a file of the same size.
    about = tmp_path / "tiny/1.0.0/dataset_info.json"
    about.write_text(about.read_text().replace('"numBytes": "1"', '"numBytes": "2"'))
    assert jd.describe(data).digest != first
    os.rename(tmp_path / "tiny/1.0.0", tmp_path / "tiny/1.0.1")
    about = tmp_path / "tiny/1.0.1/dataset_info.json"
    about.write_text(about.read_text().replace("1.0.0", "1.0.1").replace('"2"', '"1"'))
    assert jd.describe(data).digest != first


def test_images_of_any_size_need_a_size(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("tiny", declared=(None, None, 3))
    assert "data.image_size" in refused_by_both(config("tiny", data_dir=str(tmp_path)))
    data = config("tiny", data_dir=str(tmp_path), image_size=4)
    assert jd.whole(jd.open_source(data))["image"].shape == (7, 4, 4, 3)


def test_the_environment_names_the_folder(tmp_path, config, tfds_folder, monkeypatch):
    tfds_folder("tiny")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert jd.describe(config("tiny")).size == 7
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert catalogue.default_dir("") == pathlib.Path.home() / "tensorflow_datasets"


def test_configs_and_versions(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("many/small")
    message = refused_by_both(config("many", data_dir=str(tmp_path)))
    assert "many/small" in message
    for name in ("many/small", "many/small:1.0.0"):
        assert jd.open_source(config(name, data_dir=str(tmp_path))).size == 7
    assert "unknown" in refused_by_both(config("many/small:2.0.0", data_dir=str(tmp_path)))


def test_the_newest_version_is_read(tmp_path, config, tfds_folder):
    tfds_folder("tiny", count=3)
    for version in ("9.0.0", "10.0.0"):
        os.rename(tmp_path / "tiny/1.0.0", tmp_path / f"tiny/{version}")
        tfds_folder("tiny", count=3)
    assert catalogue._find("tiny", tmp_path).name == "10.0.0"


def test_a_dataset_that_is_not_prepared_is_not_downloaded(tmp_path, config, refused_by_both):
    message = refused_by_both(config("cifar10", data_dir=str(tmp_path)))
    assert f"python -m jaxgan.data.prepare cifar10 --data_dir={tmp_path}" in message
    assert "jaxgan[tf]" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [("mnits", "'mnist'"), ("CIFAR10", "'cifar10'"), ("digit", "'digits'"), ("qqqqq", "grid")],
)
def test_an_unknown_name_gets_the_nearest(tmp_path, config, refused_by_both, name, near):
    message = refused_by_both(config(name, data_dir=str(tmp_path)))
    assert near in message
    assert f"unknown dataset {name!r}" in message


@pytest.mark.parametrize("name", ["", "../tiny", "/", ":1.0.0"])
def test_names_that_are_paths_are_unknown(tmp_path, config, refused_by_both, name):
    assert "unknown dataset" in refused_by_both(config(name, data_dir=str(tmp_path)))


def test_an_unknown_split_names_the_known_ones(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("tiny")
    for split in ("validation", "train[", "train+nothing"):
        message = refused_by_both(config("tiny", data_dir=str(tmp_path), split=split))
        assert "train" in message
        assert repr(split) in message


def test_a_dataset_without_images(tmp_path, config, tfds_folder, refused_by_both):
    label = {
        "pythonClassName": "tensorflow_datasets.core.features.class_label_feature.ClassLabel",
        "classLabel": {"numClasses": "4"},
    }
    tfds_folder("tiny", features={"label": label})
    assert "'image'" in refused_by_both(config("tiny", data_dir=str(tmp_path)))


def test_another_file_format_is_refused(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("tiny", fileFormat="tfrecord")
    message = refused_by_both(config("tiny", data_dir=str(tmp_path)))
    assert "tfrecord" in message
    assert "jaxgan.data.prepare tiny" in message


def test_a_missing_shard_is_named(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("tiny")
    next((tmp_path / "tiny/1.0.0").glob("*array_record*")).unlink()
    assert "00000-of-00001" in refused_by_both(config("tiny", data_dir=str(tmp_path)))


def test_damaged_metadata_is_named(tmp_path, config, tfds_folder, refused_by_both):
    tfds_folder("tiny")
    (tmp_path / "tiny/1.0.0/dataset_info.json").write_text('{"name": ')
    assert str(tmp_path / "tiny/1.0.0") in refused_by_both(config("tiny", data_dir=str(tmp_path)))


def test_a_damaged_record_is_named(tmp_path, config, tfds_folder, refused):
    tfds_folder("tiny", damaged=4)
    source = jd.open_source(config("tiny", data_dir=str(tmp_path)))
    assert "record 4 of 'train'" in refused(jd.whole, source)
    assert source.read(np.array([3]))["image"].shape == (1, 8, 8, 3)


def test_a_shard_cut_short_is_named(tmp_path, config, tfds_folder, refused):
    tfds_folder("tiny")
    shard = next((tmp_path / "tiny/1.0.0").glob("*array_record*"))
    shard.write_bytes(shard.read_bytes()[:100])
    assert "tiny" in refused(
        lambda: jd.whole(jd.open_source(config("tiny", data_dir=str(tmp_path))))
    )


def test_prepare_says_in_one_line_that_tensorflow_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda name: None)
    assert prepare.main(["mnist", f"--data_dir={tmp_path}"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "jaxgan[tf]" in error
    assert list(tmp_path.iterdir()) == []


def test_prepare_names_the_nearest_dataset(capsys):
    assert prepare.main(["mnits"]) == 1
    assert "'mnist'" in capsys.readouterr().err


class FakeBuilder:
    """Records what ``prepare`` asks of TFDS."""

    def __init__(self, features=("image",), failure=None):
        self.name, self.asked, self.failure = "mnist", None, failure
        self.info = type("Info", (), {"features": features})
        self.data_dir = "prepared/mnist/1.0.0"

    def download_and_prepare(self, **keywords):
        self.asked = keywords
        if self.failure:
            raise self.failure


def run_prepare(monkeypatch, builder, folder):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(prepare.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(tfds, "builder", lambda name, **keywords: builder)
    return prepare.main(["mnist", f"--data_dir={folder}"])


def test_prepare_gives_each_dataset_its_download_folder(tmp_path, monkeypatch, capsys):
    builder = FakeBuilder()
    assert run_prepare(monkeypatch, builder, tmp_path) == 0
    assert builder.asked["download_dir"] == tmp_path / "downloads" / "mnist"
    assert builder.asked["file_format"] == "array_record"
    assert "prepared/mnist/1.0.0" in capsys.readouterr().out


def test_prepare_downloads_nothing_that_has_no_images(tmp_path, monkeypatch, capsys):
    builder = FakeBuilder(features=("text",))
    assert run_prepare(monkeypatch, builder, tmp_path) == 1
    assert builder.asked is None
    assert "no images" in capsys.readouterr().err


def test_a_failed_preparation_is_one_line(tmp_path, monkeypatch, capsys):
    builder = FakeBuilder(failure=RuntimeError("no\nnetwork"))
    assert run_prepare(monkeypatch, builder, tmp_path) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no network" in error


def test_reading_is_quiet_and_without_tensorflow(tmp_path, tfds_folder):
    tfds_folder("tiny")
    program = f"""
import sys, types
from jaxgan import data as jd
source = jd.open_source(types.SimpleNamespace(name='tiny', data_dir={str(tmp_path)!r}))
jd.whole(source)
source.labels(source.ids())
assert 'tensorflow' not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


@pytest.fixture
def real(config):
    """real(name, ...) -> the config of a real TFDS dataset, where there is one."""
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")

    def make(name, **fields):
        data_dir = pathlib.Path(folder) / "tfds"
        if not (data_dir / name).is_dir():
            pytest.skip(f"no {name} in JAXGAN_TEST_DATA")
        return config(name, data_dir=str(data_dir), **fields)

    return make


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_datasets(real, name):
    for split, size in (("train", 60_000), ("test", 10_000)):
        source = jd.open_source(real(name), split)
        assert source.spec == jd.describe(real(name), split)
        assert source.spec[:3] == ((28, 28, 1), 10, size)
    arrays = jd.whole(source)
    assert arrays["image"].dtype == np.uint8
    # Known of the test sets: the mean grey levels, and the counts of the digits.
    mean, counts = {
        "mnist": (33.79, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        "fashion_mnist": (73.15, [1000] * 10),
    }[name]
    assert abs(arrays["image"].mean() - mean) < 0.01
    assert np.bincount(arrays["label"]).tolist() == counts
    np.testing.assert_array_equal(source.labels(np.arange(10_000)), arrays["label"])
    batch = next(jd.stream(source, 0, batch_size=32, start=100))
    chosen = jd.indices(0, 100, size=10_000, batch_size=32)
    np.testing.assert_array_equal(batch["image"], arrays["image"][chosen])


@pytest.mark.data
def test_real_size_and_channels(real):
    source = jd.open_source(real("mnist", image_size=32, channels=3))
    image = source.read(np.arange(4))["image"]
    assert image.shape == (4, 32, 32, 3)
    assert (image[..., 0] == image[..., 2]).all()
