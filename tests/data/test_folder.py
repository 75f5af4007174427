import logging
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd
from jaxgan.data import folder


@pytest.fixture(params=["in memory", "lazy"])
def either(request, monkeypatch):
    """Run a test with the images decoded at opening, and with them decoded when read."""
    if request.param == "lazy":
        monkeypatch.setattr(folder, "IN_MEMORY", 0)
    return request.param


def split_folder(tmp_path, draw):
    """Two splits of classes a, b, c, of which test has no b; returns the pixels by path."""
    names = ["train/a/1.png", "train/b/1.PNG", "train/b/2.png", "train/c/9.webp", "test/c/1.png"]
    names += ["test/a/0.bmp"]
    options = {"lossless": True}
    return {
        name: draw(tmp_path / name, seed=i, **(options if name.endswith("webp") else {}))
        for i, name in enumerate(names)
    }


def test_content_splits_and_labels(tmp_path, config, draw, either):
    pixels = split_folder(tmp_path, draw)
    data = config("folder", data_dir=str(tmp_path))
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert train.spec == jd.describe(data) == ((8, 8, 3), 3, 4)
    assert test.spec == jd.describe(data, "test") == ((8, 8, 3), 3, 2)
    arrays = jd.whole(train)
    names = ["train/a/1.png", "train/b/1.PNG", "train/b/2.png", "train/c/9.webp"]
    np.testing.assert_array_equal(arrays["image"], [pixels[name] for name in names])
    assert arrays["label"].tolist() == [0, 1, 1, 2]
    assert arrays["label"].dtype == np.int32
    # c is class 2 in test too, although test has no b.
    assert jd.whole(test)["label"].tolist() == [0, 2]
    some = train.read(np.array([3, 0]))
    np.testing.assert_array_equal(some["image"], [pixels[names[3]], pixels[names[0]]])
    assert some["label"].tolist() == [2, 0]


def test_a_flat_folder_is_split_by_name(tmp_path, config, draw):
    for i in range(120):
        draw(tmp_path / f"{i}.png", (4, 4, 1), seed=i)
    data = config("folder", data_dir=str(tmp_path))
    train, test = jd.open_source(data), jd.open_source(data, "test")
    assert len(train) + len(test) == 120
    assert 4 <= len(test) <= 22
    assert train.shape == (4, 4, 1)
    assert train.num_classes == 0
    assert set(train.read(np.arange(1))) == {"image"}
    both = [bytes(image) for source in (train, test) for image in jd.whole(source)["image"]]
    assert len(set(both)) == 120
    # An image keeps its split whatever else is there.
    before = {bytes(image) for image in jd.whole(test)["image"]}
    for i in range(60):
        (tmp_path / f"{i}.png").unlink()
    assert {bytes(i) for i in jd.whole(jd.open_source(data, "test"))["image"]} <= before


def test_the_split_of_a_name_is_fixed():
    tests = [i for i in range(40) if folder._is_test(pathlib.PurePosixPath(f"{i}.png"))]
    assert tests == [1, 20, 21]


def test_class_folders_without_splits(tmp_path, config, draw):
    for i in range(60):
        draw(tmp_path / f"{'cat' if i % 2 else 'ant'}/{i}.png", (4, 4, 3), seed=i)
    source = jd.open_source(config("folder", data_dir=str(tmp_path)))
    assert source.num_classes == 2
    labels = jd.whole(source)["label"]
    count = sum(
        not folder._is_test(path.relative_to(tmp_path)) for path in tmp_path.glob("ant/*.png")
    )
    assert (labels == 0).sum() == count


@pytest.mark.parametrize("extra", ["loose.png", None])
def test_no_labels_with_a_loose_image_or_a_single_folder(tmp_path, config, draw, extra):
    names = [f"{'b' if extra else 'a'}/{i}.png" for i in range(30)] + ["a/x.png"]
    for i, name in enumerate([*names, *([extra] if extra else [])]):
        draw(tmp_path / name, seed=i)
    assert jd.open_source(config("folder", data_dir=str(tmp_path))).num_classes == 0


def test_a_class_called_train_is_no_split(tmp_path, config, draw):
    for i in range(30):
        draw(tmp_path / f"{'train' if i % 2 else 'ship'}/{i}.png", seed=i)
    assert jd.describe(config("folder", data_dir=str(tmp_path))).num_classes == 2


def test_other_files_and_hidden_ones_are_passed_over(tmp_path, config, draw):
    draw(tmp_path / "train/x.png")
    draw(tmp_path / "train/.cache/y.png")
    (tmp_path / "train/._x.png").write_bytes(b"a resource fork")
    (tmp_path / "train/readme.txt").write_text("words")
    assert len(jd.open_source(config("folder", data_dir=str(tmp_path)))) == 1


def test_size_and_channels(tmp_path, config, draw, either):
    draw(tmp_path / "train/a.png", (8, 12, 3))
    draw(tmp_path / "train/b.png", (20, 10, 1))
    data = config("folder", data_dir=str(tmp_path), image_size=6, channels=1)
    source = jd.open_source(data)
    assert source.spec == jd.describe(data) == ((6, 6, 1), 0, 2)
    assert source.read(np.arange(2))["image"].shape == (2, 6, 6, 1)


@pytest.mark.parametrize(
    ("other", "cure"), [((8, 9, 3), "data.image_size"), ((8, 8, 1), "data.channels")]
)
def test_images_that_differ_are_named(tmp_path, config, draw, refused_by_both, other, cure):
    draw(tmp_path / "train/a.png")
    draw(tmp_path / "train/b.png")
    draw(tmp_path / "train/odd.png", other)
    message = refused_by_both(config("folder", data_dir=str(tmp_path)))
    assert "odd.png" in message
    assert cure in message


def broken_folder(tmp_path, draw):
    """Three good images, one cut short, and one that is none."""
    pixels = [draw(tmp_path / f"train/{i}.png", (32, 32, 3), seed=i) for i in range(3)]
    draw(tmp_path / "train/cut.png", (32, 32, 3))
    content = (tmp_path / "train/cut.png").read_bytes()
    (tmp_path / "train/cut.png").write_bytes(content[: len(content) // 2])
    return pixels


def test_a_damaged_image_is_an_error_that_names_it(tmp_path, config, draw, refused):
    broken_folder(tmp_path, draw)
    message = refused(jd.open_source, config("folder", data_dir=str(tmp_path)))
    assert "cut.png" in message
    assert "bad_images" in message


def test_a_damaged_image_read_lazily_is_named(tmp_path, config, draw, refused, monkeypatch):
    monkeypatch.setattr(folder, "IN_MEMORY", 0)
    broken_folder(tmp_path, draw)
    source = jd.open_source(config("folder", data_dir=str(tmp_path)))
    assert "cut.png" in refused(jd.whole, source)


def test_damaged_images_are_left_out_with_a_warning(tmp_path, config, draw, either, caplog):
    pixels = broken_folder(tmp_path, draw)
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    with caplog.at_level(logging.WARNING):
        source = jd.open_source(data)
    np.testing.assert_array_equal(jd.whole(source)["image"], pixels)
    assert len(source) == 3
    assert "cut.png" in caplog.text
    assert "none.png" in caplog.text
    assert "left out 2 of the 5 images" in caplog.text
    assert jd.describe(data).shape == (32, 32, 3)


def test_labels_stay_with_their_images_when_one_is_left_out(tmp_path, config, draw, either):
    for i, name in enumerate("abc"):
        draw(tmp_path / f"train/{name}/x.png", seed=i)
    (tmp_path / "train/b/x.png").write_bytes(b"not an image")
    source = jd.open_source(config("folder", data_dir=str(tmp_path), bad_images="skip"))
    assert jd.whole(source)["label"].tolist() == [0, 2]
    assert source.num_classes == 3


def test_a_header_that_is_none_is_refused_by_both(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "train/a.png")
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    assert "none.png" in refused_by_both(config("folder", data_dir=str(tmp_path)))


def test_nothing_but_damaged_images(tmp_path, config, refused_by_both):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/none.png").write_bytes(b"not an image")
    data = config("folder", data_dir=str(tmp_path), bad_images="skip")
    assert "none.png" in refused_by_both(data)


def test_missing_and_empty_folders(tmp_path, config, draw, refused_by_both):
    missing = str(tmp_path / "missing")
    assert missing in refused_by_both(config("folder", data_dir=missing))
    assert "no images" in refused_by_both(config("folder", data_dir=str(tmp_path)))
    draw(tmp_path / "x.png")
    assert "no folder" in refused_by_both(config("folder", data_dir=str(tmp_path / "x.png")))
    assert "data.data_dir" in refused_by_both(config("folder"))


def test_unknown_and_empty_splits(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "0.png")
    assert "train, test" in refused_by_both(config("folder", data_dir=str(tmp_path), split="val"))
    empty = "train" if folder._is_test(pathlib.PurePosixPath("0.png")) else "test"
    data = config("folder", data_dir=str(tmp_path), split=empty)
    assert f"the {empty} split" in refused_by_both(data)
    (tmp_path / "0.png").unlink()
    draw(tmp_path / "train/0.png")
    draw(tmp_path / "val/0.png")
    data = config("folder", data_dir=str(tmp_path), split="test")
    assert "train, val" in refused_by_both(data)


def test_an_unknown_choice_for_bad_images(tmp_path, config, draw, refused_by_both):
    draw(tmp_path / "0.png")
    data = config("folder", data_dir=str(tmp_path), bad_images="skp")
    assert "'skip'" in refused_by_both(data)


def test_describe_looks_at_some_headers_only(tmp_path, config, monkeypatch):
    Image.new("L", (4, 4)).save(tmp_path / "0.png")
    for i in range(1, 3000):
        os.link(tmp_path / "0.png", tmp_path / f"{i}.png")
    looked = []
    header = folder.images.header
    monkeypatch.setattr(folder.images, "header", lambda path: looked.append(path) or header(path))
    spec = jd.describe(config("folder", data_dir=str(tmp_path)))
    assert len(looked) <= folder._GLANCE
    assert 2600 < spec.size < 2800
