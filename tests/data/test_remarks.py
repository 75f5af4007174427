import logging

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd


@pytest.fixture
def said(tmp_path, config, caplog):
    """said() -> what is said when the folder is described and its splits are opened."""

    def lines():
        caplog.clear()
        data = config("folder", data_dir=str(tmp_path))
        with caplog.at_level(logging.WARNING):
            for split in ("train", "test"):
                jd.describe(data, split)
                jd.open_source(data, split)
        return [message.replace(str(tmp_path), "X") for message in caplog.messages]

    return lines


def fill(draw, tmp_path, **counts):
    """Files as in ant='30 png 2 tif'; those that are read are random images."""
    for name, words in counts.items():
        words = words.split()
        for count, suffix in zip(words[::2], words[1::2], strict=True):
            for i in range(int(count)):
                path = tmp_path / name / f"{i}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if suffix in ("png", "bmp"):
                    draw(path, (4, 4, 1), seed=hash((name, i)) % 1000)
                else:
                    path.write_bytes(b"?")


READ = "only .png, .jpg, .jpeg, .webp, .bmp are read"


def test_files_of_other_types_and_classes_without_images(tmp_path, draw, said):
    classes = {"ant": "20 png", "bee": "20 tif", "cat": "20 gif", "dog": "23 png"}
    fill(draw, tmp_path, **classes, elk="10 png 10 bmp 30 tiff")
    assert said() == [
        f"X: left out 70 files: 30 .tiff, 20 .gif, 20 .tif; bee, cat are no classes; {READ}"
    ]


@pytest.mark.parametrize("suffix", ["npy", "PPM", "heic", "dcm", "mat", "png~"])
def test_whatever_is_left_out_is_counted(tmp_path, draw, said, suffix):
    fill(draw, tmp_path, ant="30 png", bee=f"30 png 3 {suffix}")
    assert said() == [f"X: left out 3 files: 3 .{suffix.lower()}; {READ}"]


def test_many_suffixes_are_not_all_named(tmp_path, draw, said):
    fill(draw, tmp_path, ant="30 png", bee="30 png " + " ".join(f"1 {i:03}" for i in range(20)))
    kinds = ", ".join(f"1 .{i:03}" for i in range(5))
    assert said() == [f"X: left out 20 files: {kinds} and 15 more; {READ}"]


def test_files_without_a_suffix(tmp_path, draw, said):
    fill(draw, tmp_path, ant="30 png", bee="30 png")
    (tmp_path / "ant/0001").write_bytes(b"?")
    assert said() == [f"X: left out 1 file: 1 without a suffix; {READ}"]


def test_usual_companions_are_worth_no_word(tmp_path, draw, said):
    fill(draw, tmp_path, ant="30 png 3 txt 1 json", bee="30 png 1 csv 1 xml")
    for name in ("README", "LICENSE", "Thumbs.db", ".DS_Store", "ant/.hidden.tif", "labels.CSV"):
        (tmp_path / name).write_bytes(b"?")
    fill(draw, tmp_path, __MACOSX="1 tif", **{".cache": "1 tif", "lost+found": "1 tif"})
    assert said() == []


def test_a_class_of_companions_alone_is_named(tmp_path, draw, said):
    fill(draw, tmp_path, ant="30 png", bee="30 png", cat="3 txt")
    (tmp_path / "dog").mkdir()
    assert said() == [f"X: cat, dog are no classes; {READ}"]


def test_the_only_other_class_is_named_too(tmp_path, draw, said):
    fill(draw, tmp_path, ant="40 png", bee="3 tif", notes="3 txt")
    assert said() == [f"X: left out 3 files: 3 .tif; bee is no class; {READ}"]


def test_where_there_are_no_classes_none_is_missing(tmp_path, draw, said):
    fill(draw, tmp_path, images="40 png", notes="3 txt")
    assert said() == []
    draw(tmp_path / "loose.png", (4, 4, 1))
    fill(draw, tmp_path, masks="3 tif")
    assert said() == [f"X: left out 3 files: 3 .tif; {READ}"]


def test_classes_of_splits_are_missing_where_no_split_has_them(tmp_path, draw, said):
    fill(draw, tmp_path, **{"train/ant": "3 png", "train/bee": "3 png", "train/cat": "3 gif"})
    fill(draw, tmp_path, **{"test/ant": "3 png", "test/bee": "3 txt", "test/cat": "3 gif"})
    fill(draw, tmp_path, **{"raw/elk": "2 tif"})
    assert said() == [f"X: left out 8 files: 6 .gif, 2 .tif; cat is no class; {READ}"]


def test_nothing_but_files_of_other_types(tmp_path, draw, config, refused_by_both, caplog):
    fill(draw, tmp_path, ant="3 tif", bee="2 gif")
    assert "no images" in refused_by_both(config("folder", data_dir=str(tmp_path)))
    assert "3 .tif, 2 .gif" in caplog.text


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ([str(i) for i in range(12)], "label 2 is the folder '10'"),
        (["1", "2", "3"], "label 0 is the folder '1'"),
        (["00", "01", "03"], "label 2 is the folder '03'"),
    ],
)
def test_numbers_that_are_not_their_labels(tmp_path, draw, said, names, label):
    fill(draw, tmp_path, **{f"{split}/{n}": "1 png" for n in names for split in ("train", "test")})
    (line,) = said()
    assert label in line


@pytest.mark.parametrize("names", [["0", "1", "2"], ["00", "01"], ["1", "two"], ["²", "³"], ["7"]])
def test_numbers_that_are_their_labels(tmp_path, draw, said, names):
    fill(draw, tmp_path, **{f"{split}/{n}": "3 png" for n in names for split in ("train", "test")})
    assert said() == []


def store(tmp_path, make, count=3):
    """Two splits of images that ``make`` gives for a generator of random numbers."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        (tmp_path / split).mkdir(exist_ok=True)
        for i in range(count):
            Image.fromarray(make(rng)).save(tmp_path / split / f"{i}.png")


def of_16(top):
    return lambda rng: rng.integers(0, top + 1, (16, 16)).astype(np.uint16)


def of_8(low, high):
    return lambda rng: rng.integers(low, high + 1, (16, 16)).astype(np.uint8)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (of_16(4095), "no value above 15 of 255 in 3 16-bit images of X looked at: 12 bits in 16?"),
        (of_16(1023), "no value above 3 of 255 in 3 16-bit images of X looked at: 10 bits in 16?"),
        (
            of_16(16383),
            "no value above 63 of 255 in 3 16-bit images of X looked at: 14 bits in 16?",
        ),
        (of_16(255), "every pixel is 0 of 255 in 3 16-bit images of X looked at: 8 bits in 16?"),
        (of_8(0, 1), "no value above 1 of 255 in 3 images of X looked at: 1 bits in 8, or a mask?"),
        (
            of_8(0, 20),
            "no value above 20 of 255 in 3 images of X looked at: 5 bits in 8, or a mask?",
        ),
        (of_8(120, 130), "no value below 120 or above 130 of 255 in 3 images of X looked at"),
        (of_8(0, 0), "every pixel is 0 of 255 in 3 images of X looked at"),
        (of_8(255, 255), "every pixel is 255 of 255 in 3 images of X looked at"),
        (lambda _: np.arange(256, dtype=np.uint8), "all are the same in 3 images of X looked at"),
    ],
)
def test_ranges_that_are_not_used(tmp_path, said, make, line):
    store(tmp_path, (lambda rng: make(rng).reshape(16, 16)))
    assert said() == [line]


@pytest.mark.parametrize("make", [of_16(65535), of_8(0, 255), of_8(0, 200)])
def test_ranges_that_are_used(tmp_path, said, make):
    store(tmp_path, make)
    assert said() == []


def test_deep_images_are_looked_at_by_themselves(tmp_path, said):
    store(tmp_path, of_8(0, 255))
    for split in ("train", "test"):
        Image.fromarray(of_16(4095)(np.random.default_rng(0))).save(tmp_path / split / "deep.png")
    assert said() == ["no value above 15 of 255 in 1 16-bit image of X looked at: 12 bits in 16?"]
