import os
import pathlib

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.data import stacked


@pytest.fixture
def tiny(tmp_path, config, tfds_folder):
    """A config of stacked "MNIST": seven images of four classes; and what they are."""
    images, labels = tfds_folder("mnist")
    return config("stacked_mnist", data_dir=str(tmp_path)), np.stack(images), labels


def test_each_colour_is_a_digit_and_the_label_says_which(tiny):
    data, images, labels = tiny
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.spec[:3] == ((8, 8, 3), 1000, 128_000)
    batch = source.read(np.array([0, 127_999, 5, 5]))
    assert batch["image"].dtype == np.uint8
    assert batch["label"].dtype == np.int32
    known = {image[..., 0].tobytes(): label for image, label in zip(images, labels, strict=True)}
    for image, label in zip(batch["image"], batch["label"], strict=True):
        r, g, b = (known[np.ascontiguousarray(image[..., c]).tobytes()] for c in range(3))
        assert label == 100 * r + 10 * g + b


def test_what_is_known_without_an_image(tiny, config, tfds_folder, tmp_path):
    data, _, _ = tiny
    source = jd.open_source(data)
    rows = np.array([0, 127_999, 5, 5])
    np.testing.assert_array_equal(source.labels(rows), source.read(rows)["label"])
    assert source.labels(rows).dtype == np.int32
    assert source.classes[:2] == ("000", "001")
    assert source.classes[907] == "907"
    assert np.array_equal(source.ids(), np.arange(128_000))
    digest = jd.describe(data).digest
    about = tmp_path / "mnist/1.0.0/dataset_info.json"
    about.write_text(about.read_text().replace('"numBytes": "1"', '"numBytes": "2"'))
    assert jd.describe(data).digest != digest


def test_an_image_is_a_function_of_split_and_index(tiny):
    data, _, _ = tiny
    source, again = jd.open_source(data), jd.open_source(data)
    rows = np.arange(1000)
    whole = source.read(rows)
    for part in (rows[::-1], rows[137:138]):
        for key, value in again.read(part).items():
            np.testing.assert_array_equal(value, whole[key][part])


def test_the_triples_are_uniform_independent_and_differ_between_splits():
    train, test = stacked._triples("train", 60_000), stacked._triples("test", 10_000)
    assert (train.shape, test.shape) == ((128_000, 3), (26_000, 3))
    for triples, count in ((train, 60_000), (test, 10_000)):
        assert triples.min() >= 0
        assert triples.max() < count
        bins = np.bincount((triples.astype(np.int64) * 10 // count) @ [100, 10, 1], minlength=1000)
        expected = len(triples) / 1000
        # Chi squared of 999 degrees of freedom, within five standard deviations.
        assert abs(((bins - expected) ** 2 / expected).sum() - 999) < 5 * np.sqrt(2 * 999)
    assert not (stacked._triples("train", 10_000)[:26_000] == test).all(axis=1).any()
    np.testing.assert_array_equal(train[0], [50432, 54188, 24799])


def test_the_size_is_asked_for_and_one_channel_is_refused(tiny, refused_by_both):
    data, _, _ = tiny
    data.image_size, data.channels = 4, 3
    assert jd.open_source(data).spec == jd.describe(data)
    assert jd.open_source(data).spec[:3] == ((4, 4, 3), 1000, 128_000)
    data.channels = 1
    assert "data.channels" in refused_by_both(data)


def test_mnist_must_be_there(tmp_path, config, refused_by_both):
    message = refused_by_both(config("stacked_mnist", data_dir=str(tmp_path)))
    assert "python -m jaxgan.data.prepare mnist" in message
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_names_the_known_ones(tiny, refused_by_both):
    data, _, _ = tiny
    assert "train, test" in refused_by_both(data, "train[:10]")


def test_a_misspelt_name_finds_it(config, tmp_path, refused_by_both):
    assert "'stacked_mnist'" in refused_by_both(config("stackedmnist", data_dir=str(tmp_path)))


@pytest.mark.data
def test_the_real_one_has_all_modes(config):
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")
    data = config("stacked_mnist", data_dir=str(pathlib.Path(folder) / "tfds"))
    for split, size in (("train", 128_000), ("test", 26_000)):
        source = jd.open_source(data, split)
        assert source.spec == jd.describe(data, split)
        assert source.spec[:3] == ((28, 28, 3), 1000, size)
        labels = source.read(np.arange(size))["label"]
        counts = np.bincount(labels, minlength=1000)
        assert counts.min() > 0
        # The modes are as frequent as MNIST's digits make them: 5 is the rarest, 1 the commonest.
        assert counts[[555, 111]].tolist() == sorted(counts[[555, 111]])
