import logging

import numpy as np
import pytest

from jaxgan import data as jd

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 6, 5, 3), np.uint8)
LABELS = np.arange(40) % 7


@pytest.fixture
def stored(tmp_path, config):
    """stored(**arrays) -> the config of an .npz file that holds them."""

    def save(**arrays):
        fields = {k: arrays.pop(k) for k in ("split", "image_size", "channels") if k in arrays}
        np.savez(tmp_path / "x.npz", **arrays)
        return config("npz", data_dir=str(tmp_path / "x.npz"), **fields)

    return save


def test_every_tenth_image_is_test(stored):
    data = stored(images=IMAGES, labels=LABELS)
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert train.spec == jd.describe(data)
    assert train.spec[:3] == ((6, 5, 3), 7, 36)
    assert test.spec == jd.describe(data, "test")
    assert test.spec[:3] == ((6, 5, 3), 7, 4)
    arrays = jd.whole(test)
    np.testing.assert_array_equal(arrays["image"], IMAGES[9::10])
    assert arrays["label"].tolist() == [2, 5, 1, 4]
    assert arrays["label"].dtype == np.int32
    np.testing.assert_array_equal(jd.whole(train)["image"][:10], IMAGES[[*range(9), 10]])


def test_the_keys_of_keras_are_the_splits(stored):
    data = stored(
        x_train=IMAGES[..., 0], y_train=LABELS[:, None], x_test=IMAGES[:3, ..., 0], y_test=[0, 1, 8]
    )
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert train.spec == jd.describe(data)
    assert train.spec[:3] == ((6, 5, 1), 9, 40)
    assert test.spec == jd.describe(data, "test")
    assert test.spec[:3] == ((6, 5, 1), 9, 3)
    np.testing.assert_array_equal(jd.whole(train)["image"], IMAGES[..., :1])
    np.testing.assert_array_equal(jd.whole(train)["label"], LABELS)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_classes_are_counted_over_both_splits(stored, split):
    for first, second in ((2, 5), (5, 2)):
        arrays = {"x_train": IMAGES[:2], "y_train": [0, first], "x_test": IMAGES[:2]}
        data = stored(**arrays, y_test=[0, second])
        assert jd.open_source(data, split).num_classes == jd.describe(data, split).num_classes == 6


def test_floats_without_labels(stored):
    floats = RNG.uniform(-1, 1, (10, 4, 4, 1)).astype(np.float32)
    source = jd.open_source(stored(images=floats))
    assert source.num_classes == 0
    np.testing.assert_array_equal(jd.whole(source)["image"], floats[:9])
    assert set(jd.whole(source)) == {"image"}


def test_size_and_channels(stored):
    data = stored(images=IMAGES, image_size=8, channels=1)
    source = jd.open_source(data)
    assert source.spec == jd.describe(data)
    assert source.spec[:3] == ((8, 8, 1), 0, 36)
    assert source.read(np.arange(2))["image"].shape == (2, 8, 8, 1)


def test_compressed_files_are_read(tmp_path, config):
    np.savez_compressed(tmp_path / "c.npz", images=IMAGES)
    data = config("npz", data_dir=str(tmp_path / "c.npz"))
    np.testing.assert_array_equal(jd.whole(jd.open_source(data, "test"))["image"], IMAGES[9::10])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": IMAGES}, ["'images'", "pictures"]),
        ({"images": IMAGES[0, 0]}, ["'images'", "[5, 3]"]),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, ["'images'", "[40, 3, 6, 5]"]),
        ({"images": IMAGES[:0]}, ["'images'", "[0, 6, 5, 3]"]),
        ({"images": IMAGES.astype(np.float64)}, ["'images'", "float64", "uint8"]),
        ({"images": IMAGES.astype(np.int64)}, ["'images'", "int64"]),
        ({"images": IMAGES.astype(object)}, ["'images'", "object"]),
        ({"images": IMAGES, "labels": LABELS[:-1]}, ["40", "39"]),
        ({"images": IMAGES, "labels": LABELS / 2}, ["'labels'", "float64", "integers"]),
        ({"images": IMAGES, "labels": np.eye(40, dtype=int)}, ["'labels'", "[40, 40]"]),
        ({"images": IMAGES, "labels": LABELS - 2}, ["'labels'", "-2"]),
        ({"images": IMAGES, "labels": (LABELS - 100).astype(np.int8)}, ["'labels'", "-100"]),
        ({"images": IMAGES, "split": "val"}, ["'val'", "train, test"]),
        ({"images": IMAGES[:5], "split": "test"}, ["test split", "5 images"]),
        ({"x_train": IMAGES, "split": "test"}, ["'test'", "it has: train"]),
    ],
)
def test_unusable_arrays_are_named(stored, refused_by_both, arrays, words):
    message = refused_by_both(stored(**arrays))
    for word in ["x.npz", *words]:
        assert word in message


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN"), (np.inf, "infinite"), (1.5, "[-0.5, 1.5]")]
)
def test_float_values_are_checked(stored, refused, value, words):
    floats = np.full((20, 4, 4, 1), -0.5, np.float32)
    floats[3, 1, 1] = value
    message = refused(jd.open_source, stored(images=floats))
    assert words in message
    assert "'images'" in message


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_a_label_may_be_missing(stored, dtype):
    labels = LABELS.copy()
    if dtype != np.uint8:
        labels[::2] = -1
    data = stored(images=IMAGES, labels=labels.astype(dtype))
    source = jd.open_source(data)
    assert source.num_classes == jd.describe(data).num_classes == 7
    np.testing.assert_array_equal(source.labels(np.arange(9)), labels[:9])
    missing = jd.label_warnings(source)
    assert missing == ([] if dtype == np.uint8 else [missing[0]])
    assert all("20 of 36" in line for line in missing)


def test_no_label_at_all_is_no_labels(stored):
    data = stored(images=IMAGES, labels=np.full(40, -1))
    source = jd.open_source(data)
    assert source.num_classes == jd.describe(data).num_classes == 0
    assert source.labels is None
    assert set(source.read(np.arange(2))) == {"image"}


def test_labels_of_a_split_without_samples_are_not_counted(stored):
    data = stored(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:0], y_test=LABELS[:0])
    assert jd.describe(data).num_classes == 7


def test_samples_are_told_apart_by_their_place(stored):
    data = stored(images=IMAGES)
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert (train.ids().dtype, train.ids().shape) == (np.int64, (36,))
    for source in (train, test):
        np.testing.assert_array_equal(jd.whole(source)["image"], IMAGES[source.ids()])


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_are_told_apart_by_their_content(tmp_path, config, compressed):
    save = np.savez_compressed if compressed else np.savez
    splits, other = {}, IMAGES.copy()
    other[-1, -1, -1, -1] ^= 1
    for name, second in (("same", IMAGES.copy()), ("other", other)):
        save(tmp_path / f"{name}.npz", x_train=IMAGES, x_test=second)
        data = config("npz", data_dir=str(tmp_path / f"{name}.npz"))
        splits[name] = [jd.open_source(data, split).ids() for split in ("train", "test")]
    np.testing.assert_array_equal(*splits["same"])
    assert not set(splits["other"][0]) & set(splits["other"][1])


def test_the_digest_is_that_of_the_arrays(tmp_path, stored):
    data = stored(images=IMAGES, labels=LABELS)
    digest = jd.describe(data).digest
    assert jd.describe(data, "test").digest != digest
    np.savez_compressed(tmp_path / "x.npz", labels=LABELS, images=IMAGES, note=np.zeros(3))
    assert jd.describe(data).digest == digest
    found = {digest}
    for arrays in (
        {"images": IMAGES ^ 1, "labels": LABELS},
        {"images": IMAGES, "labels": LABELS[::-1]},
        {"images": IMAGES},
    ):
        found.add(jd.describe(stored(**arrays)).digest)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (IMAGES % 2, "[0, 1], where 0 is black and 255 is white"),
        (IMAGES // 16, "[0, 15]"),
        (np.full((40, 4, 4), 200, np.uint8), "[200, 200]"),
        (IMAGES / np.float32(25500) - np.float32(0.005), "[-0.005, 0.005], where -1 is black"),
        (np.full((40, 4, 4), -1, np.float32), "[-1, -1]"),
    ],
)
def test_images_that_are_flat_are_doubted_once(stored, caplog, images, words):
    data = stored(images=images)
    with caplog.at_level(logging.WARNING):
        jd.open_source(data)
        jd.open_source(data)
    assert len(caplog.records) == 1
    assert words in caplog.text
    assert "flat" in caplog.text


@pytest.mark.parametrize("images", [IMAGES, IMAGES // 4, IMAGES % 2 * np.uint8(255)])
def test_images_that_are_not_flat_are_not_doubted(stored, caplog, images):
    with caplog.at_level(logging.WARNING):
        jd.open_source(stored(images=images))
    assert not caplog.records


def test_floats_without_a_negative_value_are_doubted(stored, caplog):
    with caplog.at_level(logging.WARNING):
        jd.open_source(stored(images=np.full((20, 4, 4, 1), 0.5, np.float32)))
    assert "[0, 1]" in caplog.text


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and then nothing", b"words"])
def test_a_file_that_is_no_npz_is_named(tmp_path, config, refused_by_both, content):
    (tmp_path / "x.npz").write_bytes(content)
    assert "x.npz" in refused_by_both(config("npz", data_dir=str(tmp_path / "x.npz")))


def test_a_zip_of_something_else_and_an_npy_are_named(tmp_path, config, refused_by_both):
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("readme.txt", "words")
    assert "x.npz" in refused_by_both(config("npz", data_dir=str(tmp_path / "x.npz")))
    np.save(tmp_path / "y.npy", IMAGES)
    assert "y.npy" in refused_by_both(config("npz", data_dir=str(tmp_path / "y.npy")))


def test_a_file_cut_short_or_damaged_is_named(stored, tmp_path, config, refused, refused_by_both):
    data = stored(images=IMAGES)
    content = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(content[: len(content) // 2])
    assert "x.npz" in refused_by_both(data)
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    (tmp_path / "x.npz").write_bytes(flipped)
    assert "x.npz" in refused(jd.open_source, data)  # by its checksum


def test_missing_files_and_paths(tmp_path, config, refused_by_both):
    assert "none.npz" in refused_by_both(config("npz", data_dir=str(tmp_path / "none.npz")))
    assert str(tmp_path) in refused_by_both(config("npz", data_dir=str(tmp_path)))
    assert "data.data_dir" in refused_by_both(config("npz"))
